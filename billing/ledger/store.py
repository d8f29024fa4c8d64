"""The journal in PostgreSQL: entries are appended, never touched again; the trial balance proves them.

The trial balance does not only sum to zero: it compares the accounts with the working tables (funds, loan,
usage), so that a figure shown anywhere can be traced to entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.audit.batch_store import allot, write_batch
from billing.audit.leaf import Records
from billing.database import Connection
from billing.ledger.journal import Entry
from billing.ledger.lines import entry_lines, posting_lines
from billing.ledger.payable_checks import CHECKS as PAYABLE_CHECKS
from metering.shares import government_micro


async def append_entries(conn: Connection, entries: Sequence[Entry]) -> list[int]:
    """Write entries with their postings as a batch, in the caller's SQL transaction. -> their ids."""
    if not entries:
        return []
    allotted = await allot(conn, len(entries))
    numbered = list(zip(allotted.entry_ids, entries, strict=True))
    records = Records(entry=entry_lines(numbered), posting=posting_lines(numbered))
    async with conn.pipeline():
        await write_batch(conn, allotted.batch_id, records)
        await insert_entries(conn, numbered, allotted.batch_id)
    return allotted.entry_ids


async def insert_entries(conn: Connection, numbered: Sequence[tuple[int, Entry]], batch_id: int) -> None:
    """After their batch was written, in the same SQL transaction."""
    entries = [entry for _, entry in numbered]
    await conn.execute(
        "insert into entry (id, kind, programme_id, voucher_id, provider_id, lane, n, batch_id)"
        " select *, %s from"
        " unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::smallint[], %s::bigint[])",
        [
            batch_id,
            [entry_id for entry_id, _ in numbered],
            [entry.kind for entry in entries],
            [entry.programme_id for entry in entries],
            [entry.voucher_id for entry in entries],
            [entry.provider_id for entry in entries],
            [entry.lane for entry in entries],
            [entry.n for entry in entries],
        ],
    )
    legs = [
        (entry_id, leg, posting.account, posting.amount_micro)
        for entry_id, entry in numbered
        for leg, posting in enumerate(entry.postings)
    ]
    columns = list(zip(*legs, strict=True)) or [(), (), (), ()]
    await conn.execute(
        "insert into posting (entry_id, leg, account, amount_micro)"
        " select * from unnest(%s::bigint[], %s::smallint[], %s::text[], %s::bigint[])",
        [list(column) for column in columns],
    )


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """`accounts` holds every account's balance. `faults` is empty when the books are sound."""

    accounts: dict[str, int]
    faults: tuple[str, ...]

    @property
    def total_micro(self) -> int:
        return sum(self.accounts.values())


# Each query returns the rows that contradict the rule it is named after.
_CHECKS: Final = {
    "an entry does not balance": """
        select entry_id, sum(amount_micro) from posting group by entry_id having sum(amount_micro) <> 0""",
    "a posting without an entry": """
        select entry_id from posting p where not exists (select from entry e where e.id = p.entry_id)""",
    "free + lent - returned + direct is not the capacity": """
        select f.voucher_id, f.capacity_micro, f.free_micro + f.direct_micro + coalesce(l.out, 0)
        from funds f left join (select voucher_id, sum(lent_micro - returned_micro) as out from loan
                                group by voucher_id) l using (voucher_id)
        where f.free_micro + f.direct_micro + coalesce(l.out, 0) <> f.capacity_micro""",
    "a line's position is not what its loans posted and its free money paid": """
        select f.voucher_id, f.charged_micro, f.direct_micro + coalesce(l.posted, 0)
        from funds f left join (select voucher_id, sum(posted_micro) as posted from loan
                                group by voucher_id) l using (voucher_id)
        where f.charged_micro <> f.direct_micro + coalesce(l.posted, 0)""",
    "a voucher's free account is not its free money": """
        select f.voucher_id, f.free_micro, coalesce(b.balance, 0)
        from funds f left join balances b on b.account = 'voucher/' || f.voucher_id || '/free'
        where f.free_micro <> coalesce(b.balance, 0)""",
    "an allotment's account is not what its loan has left": """
        select l.lane, l.n, l.voucher_id, l.lent_micro - l.posted_micro - l.returned_micro,
               coalesce(b.balance, 0)
        from loan l left join balances b
            on b.account = 'voucher/' || l.voucher_id || '/allotment/' || l.lane || '.' || l.n
        where l.lent_micro - l.posted_micro - l.returned_micro <> coalesce(b.balance, 0)""",
    "a voucher's sources are not what its usage took": """
        select f.voucher_id, g.balance, s.balance, u.government, u.self
        from funds f
        left join balances g on g.account = 'voucher/' || f.voucher_id || '/government'
        left join balances s on s.account = 'voucher/' || f.voucher_id || '/self'
        left join (select voucher_id, sum(d_government_micro) as government, sum(d_self_micro) as self
                   from usage group by voucher_id) u on u.voucher_id = f.voucher_id
        where f.government_micro - f.expired_government_micro - coalesce(u.government, 0)
                  <> coalesce(g.balance, 0)
           or f.self_micro - f.expired_self_micro - coalesce(u.self, 0) <> coalesce(s.balance, 0)""",
    "the postings of an entry are not the sum of its usage": """
        select e.id, u.payable, p.payable
        from entry e
        join (select entry_id, sum(d_charge_micro) as payable, sum(d_from_loan_micro + d_from_free_micro)
                  as line
              from usage where entry_id is not null group by entry_id) u on u.entry_id = e.id
        left join (select entry_id,
                          sum(amount_micro) filter (where account like 'provider/%/payable') as payable,
                          sum(amount_micro) filter (where account like 'voucher/%/line') as line
                   from posting group by entry_id) p on p.entry_id = e.id
        where coalesce(p.payable, 0) <> u.payable or coalesce(p.line, 0) <> u.line""",
    "usage that cost something names no entry": """
        select op, step from usage where entry_id is null
            and (d_charge_micro <> 0 or d_from_loan_micro <> 0 or d_from_free_micro <> 0)""",
    "a call's steps do not sum to its charge": """
        select op from usage group by op
        having sum(d_charge_micro) <> (array_agg(charge_micro order by step desc))[1]
            or sum(d_government_micro) <> (array_agg(government_micro order by step desc))[1]
            or sum(d_uncollected_micro) <> (array_agg(uncollected_micro order by step desc))[1]""",
    "a company's own money is not its account": """
        select o.company_id, o.own_micro, coalesce(b.balance, 0), o.owed_micro, coalesce(r.balance, 0)
        from own_money o
        left join balances b on b.account = 'company/' || o.company_id || '/own'
        left join balances r on r.account = 'company/' || o.company_id || '/receivable'
        where o.own_micro <> coalesce(b.balance, 0) or o.owed_micro <> -coalesce(r.balance, 0)""",
    "a rail's clearing is not what its payments booked": """
        select rail, booked, coalesce(b.balance, 0) from (
            select p.rail, sum(e.amount_micro * case
                when e.key like '%/paid' or e.key like '%/back' then -1 else 1 end)::bigint as booked
            from payment_entry e join payment p on p.id = e.payment_id group by p.rail) r
        left join balances b on b.account = 'clearing/' || rail where booked <> coalesce(b.balance, 0)""",
    "a voucher's expired account is not what expired and did not go back": """
        select f.voucher_id, f.expired_government_micro + f.expired_self_micro, coalesce(r.back, 0),
               coalesce(b.balance, 0)
        from funds f left join balances b on b.account = 'voucher/' || f.voucher_id || '/expired'
        left join (select s.voucher_id, sum(government_micro + self_micro) as back from settlement_return
                   join settlement s on s.id = settlement_id group by 1) r using (voucher_id)
        where f.expired_government_micro + f.expired_self_micro - coalesce(r.back, 0)
            <> coalesce(b.balance, 0)""",
    "interest is not what came with a return": """
        select s.voucher_id, sum(r.interest_micro), coalesce(max(b.balance), 0)
        from settlement_return r join settlement s on s.id = r.settlement_id
        left join balances b on b.account = 'voucher/' || s.voucher_id || '/earned'
        group by s.voucher_id having sum(r.interest_micro) <> -coalesce(max(b.balance), 0)""",
    "what was clawed back is not what confirmed findings name": """
        select programme_id, claimed, coalesce(b.balance, 0) from (
            select f.programme_id, sum(l.government_micro) as claimed from finding f
            join finding_line l on l.finding_id = f.id where f.state in ('confirmed', 'repaid') group by 1) c
        left join balances b on b.account = 'programme/' || programme_id || '/clawed_back'
        where claimed <> coalesce(b.balance, 0)""",
    "an entry of own money without its payment": """
        select id from entry e where kind in ('payment', 'refund', 'dispute', 'fee')
            and not exists (select from payment_entry p where p.entry_id = e.id)""",
    "a key's days are not the sum of its calls": """
        select key_id, day, d.spent_micro, u.spent from key_day d full join (
            select key_id, ((held_at_ms + 32400000) / 86400000)::integer as day, sum(d_charge_micro) as spent
            from usage group by 1, 2) u using (key_id, day)
        where coalesce(d.spent_micro, 0) <> coalesce(u.spent, 0)""",
    **PAYABLE_CHECKS,
}


async def trial_balance(conn: Connection) -> TrialBalance:
    """Sum every account and check the books against themselves, on one snapshot."""
    async with conn.transaction():
        await conn.execute("set transaction isolation level repeatable read")
        await conn.execute(
            "create temporary table balances on commit drop as"
            " select account, sum(amount_micro)::bigint as balance from posting group by account"
        )
        rows = await (await conn.execute("select account, balance from balances order by account")).fetchall()
        faults = []
        for rule, query in _CHECKS.items():
            cursor = await conn.execute(query.encode())
            faults += [f"{rule}: {row}" for row in await cursor.fetchmany(20)]
        faults += await _shares_against_rule(conn)
    accounts = {account: int(balance) for account, balance in rows}
    if sum(accounts.values()):
        faults.append("the accounts do not sum to zero")
    return TrialBalance(accounts, tuple(faults))


async def _shares_against_rule(conn: Connection) -> list[str]:
    """Government and self of a voucher against the rule of its line, in Python integers."""
    cursor = await conn.execute(
        "select f.voucher_id, f.share_ppm, f.charged_micro, coalesce(sum(u.d_government_micro), 0)::bigint,"
        " coalesce(sum(u.d_self_micro), 0)::bigint from funds f left join usage u using (voucher_id)"
        " group by f.voucher_id"
    )
    faults = []
    for voucher_id, share_ppm, charged, government, own in await cursor.fetchall():
        rule = government_micro(charged, share_ppm)
        if (government, own) != (rule, charged - rule):
            faults.append(
                f"the sources do not follow the share: {voucher_id} {government}+{own} of {charged}, rule"
                f" {rule}"
            )
    return faults
