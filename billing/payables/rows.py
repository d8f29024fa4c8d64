"""Payables and payments to providers in PostgreSQL."""

from __future__ import annotations

from typing import Final

from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection

FIND: Final = """
    select p.*, coalesce(v.name, p.provider_id) as provider_name,
           (select count(*)::integer from objection o where o.payable_id = p.id and o.state = 'open')
               as objections_open,
           exists (select from payable r where r.of_payable = p.id) as is_released,
           l.id as payout_id, l.rail, l.paid_at
    from payable p left join provider v on v.id = p.provider_id
    left join lateral (
        select o.id, o.rail,
               (select at from payout_fact f where f.payout_id = o.id and f.word = 'paid') as paid_at
        from payout o where o.payable_id = p.id order by o.id desc limit 1) l on true"""
FIND_PAYOUTS: Final = """
    select o.*, a.last_characters, a.bank_code, a.holder,
           case when r.word is not null then 'returned' when d.word is not null then 'paid'
               else 'in_payment' end as state,
           d.at as paid_at, r.at as returned_at, r.reason as return_reason
    from payout o join payout_account a on a.id = o.account_id
    left join payout_fact d on d.payout_id = o.id and d.word = 'paid'
    left join payout_fact r on r.payout_id = o.id and r.word = 'returned'"""


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
