"""Payments in PostgreSQL: their rows, their facts, and what is still to be done for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.payments.facts import Fact

FIND: Final = """
    select p.*,
           coalesce((select sum(f.amount_micro) from payment_fact f where f.payment_id = p.id
                     and f.about = 'payment' and f.word = 'paid'), 0)::bigint as paid_micro,
           coalesce((select sum(r.amount_micro) from
                     (select ref, max(amount_micro) as amount_micro from payment_fact f
                      where f.payment_id = p.id and f.about = 'refund'
                      group by ref having not bool_or(word = 'failed')) r), 0)::bigint as refunded_micro,
           coalesce((select sum(r.amount_micro) from
                     (select ref, max(amount_micro) as amount_micro from payment_fact f
                      where f.payment_id = p.id and f.about = 'dispute'
                      group by ref having bool_or(word = 'lost') and not bool_or(word = 'won')) r), 0)::bigint
               as lost_micro
    from payment p"""


async def find(conn: Connection, payment_id: str) -> Row:
    """Raises Refused."""
    return await row_of(conn, f"{FIND} where p.id = %s", [payment_id])


async def locked(conn: Connection, payment_id: str) -> Row | None:
    found = await rows_of(conn, "select * from payment where id = %s for update", [payment_id])
    return found[0] if found else None


async def facts_of(conn: Connection, payment_id: str) -> set[Fact]:
    cursor = await conn.execute(
        "select about, ref, word, amount_micro from payment_fact where payment_id = %s", [payment_id]
    )
    return {Fact(*row) for row in await cursor.fetchall()}


async def was_paid(conn: Connection, payment_id: str) -> bool:
    query = "select 1 from payment_fact where (payment_id, about, ref, word) = (%s, 'payment', '', 'paid')"
    return bool(await rows_of(conn, query, [payment_id]))


async def add_facts(conn: Connection, payment_id: str, facts: Iterable[Fact]) -> None:
    """The first word on a thing stays."""
    for fact in facts:
        await conn.execute(
            "insert into payment_fact (payment_id, about, ref, word, amount_micro)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing",
            [payment_id, fact.about, fact.ref, fact.word, fact.amount_micro],
        )


async def put_job(conn: Connection, kind: str, ref: str, *, in_s: float = 0) -> None:
    await conn.execute(
        "insert into payment_job (kind, ref, due_at)"
        " values (%s, %s, clock_timestamp() + make_interval(secs => %s)) on conflict do nothing",
        [kind, ref, in_s],
    )


async def end_job(conn: Connection, kind: str, ref: str) -> None:
    await conn.execute("delete from payment_job where (kind, ref) = (%s, %s)", [kind, ref])


async def postpone_job(conn: Connection, kind: str, ref: str, *, in_s: float, trouble: str | None) -> None:
    await conn.execute(
        "update payment_job set tries = tries + 1, trouble = %s,"
        " due_at = clock_timestamp() + make_interval(secs => %s) where (kind, ref) = (%s, %s)",
        [trouble, in_s, kind, ref],
    )


async def insert_payment(conn: Connection, row: Row) -> bool:
    """False where there is this one already, or an automatic one of the company is on its way."""
    names = (
        *("id", "company_id", "rail", "method", "voucher_id", "amount_micro", "save_card", "state"),
        *("intent_id", "session_id", "person", "created_at"),
    )
    cursor = await conn.execute(
        f"insert into payment ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})"  # noqa: S608
        " on conflict do nothing returning 1".encode(),
        [row.get(name) for name in names],
    )
    return await cursor.fetchone() is not None
