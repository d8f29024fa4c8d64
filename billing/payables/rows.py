"""Payables and payments to providers in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psycopg.rows import dict_row

from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from metering.money import MICRO_PER_WON

FIND: Final = """
    select p.*, coalesce(v.name, p.provider_id) as provider_name,
           (select count(*)::integer from objection o
            where o.payable_id in (p.id, p.of_payable) and o.state = 'open') as objections_open,
           exists (select from payable r where r.of_payable = p.id and r.kind = 'holdback') as is_released,
           l.id as payout_id, l.rail, l.paid_at, coalesce(l.reversed_won, 0) as reversed_won
    from payable p left join provider v on v.id = p.provider_id
    left join lateral (
        select o.id, o.rail,
               (select at from payout_fact f where f.payout_id = o.id and f.word = 'paid') as paid_at,
               (select sum(amount_won)::bigint from payout_reversal b where b.payout_id = o.id)
                   as reversed_won
        from payout o where o.payable_id = p.id order by o.id desc limit 1) l on true"""
FIND_PAYOUTS: Final = """
    select o.*, a.last_characters, a.bank_code, a.holder,
           case when r.word is not null then 'returned' when d.word is not null then 'paid'
               else 'in_payment' end as state,
           d.at as paid_at, r.at as returned_at, r.reason as return_reason,
           coalesce((select sum(b.amount_won) from payout_reversal b where b.payout_id = o.id), 0)::bigint
               as reversed_won
    from payout o join payout_account a on a.id = o.account_id
    left join payout_fact d on d.payout_id = o.id and d.word = 'paid'
    left join payout_fact r on r.payout_id = o.id and r.word = 'returned'"""

_ACCOUNT: Final = """
    with last as (select coalesce(max(month), '') as month, coalesce(max(month_end_ms(month)), 0) as end_ms
                  from closed_month)
    select (select coalesce(sum(amount_won), 0)::bigint from payable p
            where provider_id = %(provider)s and state not in ('in_payment', 'paid')
            and not exists (select from payable n where n.carried_from = p.id)) as unpaid_won,
           (select coalesce(sum(uncollected_won), 0)::bigint from payable where provider_id = %(provider)s)
               as uncollected_won,
           (select coalesce(sum(government_micro + self_micro + own_micro + uncollected_micro
                - 1000000 * (government_won + self_won + own_won + uncollected_won)), 0)::bigint
            from statement_line l, last
            where l.month = last.month and provider_id = %(provider)s) as rest_micro,
           (select coalesce(sum(d_charge_micro), 0)::bigint from usage u, last
            where provider_id = %(provider)s and held_at_ms >= last.end_ms) as open_micro,
           (select coalesce(sum(d_charge_micro), 0)::bigint
            from late_usage l join usage u using (op, step), last
            where provider_id = %(provider)s and l.month > last.month) as late_micro"""


@dataclass(frozen=True, slots=True)
class Account:
    """What a provider's account is made of: unpaid payables, and what is in no payable, or not yet.

    A rest is carried in every month; `open_micro`: calls and corrections of months that are not closed.
    """

    unpaid_won: int
    uncollected_won: int
    rest_micro: int
    open_micro: int

    @property
    def total_micro(self) -> int:
        won = self.unpaid_won + self.uncollected_won
        return won * MICRO_PER_WON + self.rest_micro + self.open_micro


async def account_of(conn: Connection, provider_id: str) -> Account:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_ACCOUNT.encode(), {"provider": provider_id})
        [row] = await cursor.fetchall()
    late_micro = row.pop("late_micro")
    return Account(**{**row, "open_micro": row["open_micro"] + late_micro})


async def find(conn: Connection, payable_id: str) -> Row:
    """Raises Refused."""
    return await row_of(conn, f"{FIND} where p.id = %s", [payable_id])


async def locked(conn: Connection, payable_id: str) -> Row:
    """As `find`, and nobody else moves it until the end of the SQL transaction. Raises Refused."""
    await rows_of(conn, "select 1 from payable where id = %s for update", [payable_id])
    return await find(conn, payable_id)


async def new_id(conn: Connection, sequence: str, prefix: str) -> str:
    row = await row_of(conn, "select nextval(%s) as number", [sequence])
    return f"{prefix}-{row['number']:06d}"


async def account_in_force(conn: Connection, provider_id: str, rail: str) -> Row | None:
    found = await rows_of(
        conn,
        "select * from payout_account where (provider_id, rail, state) = (%s, %s, 'confirmed')",
        [provider_id, rail],
    )
    return found[0] if found else None
