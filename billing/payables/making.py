"""Payables come to be when a month is closed: one for each provider that has lines in it."""

from __future__ import annotations

from typing import Any

from billing.casework.deeds import By, Deed, write_step
from billing.casework.rows import Row, rows_of
from billing.database import Connection
from billing.ledger import payable_rules
from billing.lifecycle import payable as life
from billing.payables.entries import book
from billing.payables.owed import Owed, owed_of
from billing.payables.rows import new_id
from billing.statements.month import Month, month_named
from billing.statements.store import closed_lines


async def make_payables(conn: Connection, *, deed: Deed) -> list[str]:
    """Of every closed month that has none yet, the oldest first. -> their ids.

    In the SQL transaction that closes a month; months that were closed before there were payables get theirs
    with the next one.
    """
    waiting = await rows_of(
        conn,
        "select month from closed_month"
        " where month > coalesce((select max(month) from payable where kind = 'month'), '') order by month",
    )
    made: list[str] = []
    for row in waiting:
        made += await _of_month(conn, month_named(row["month"]), deed=deed)
    return made


async def _of_month(conn: Connection, month: Month, *, deed: Deed) -> list[str]:
    carried = {
        row["provider_id"]: row
        for row in await rows_of(
            conn,
            "select id, provider_id, amount_won from payable p where state = 'carried'"
            " and not exists (select from payable n where n.carried_from = p.id)",
        )
    }
    rates = await rows_of(
        conn,
        "select distinct on (programme_id) programme_id, basis_points from programme_holdback"
        " where from_month <= %s order by programme_id, from_month desc, id desc",
        [str(month)],
    )
    owed = owed_of(
        await closed_lines(conn, month),
        basis_points={row["programme_id"]: row["basis_points"] for row in rates},
        carried_won={provider_id: row["amount_won"] for provider_id, row in carried.items()},
    )
    return [await _make(conn, month, one, carried.get(one.provider_id), deed=deed) for one in owed]


async def _make(conn: Connection, month: Month, owed: Owed, carried: Row | None, *, deed: Deed) -> str:
    payable_id = await new_id(conn, "payable_number", "py")
    action = "carry" if owed.is_carried else "make"
    row = {
        "id": payable_id,
        "provider_id": owed.provider_id,
        "month": str(month),
        "kind": "month",
        "state": life.TABLE.step(action).target,
        "lines_won": owed.lines_won,
        "carried_won": owed.carried_won,
        "carried_from": None if carried is None else carried["id"],
        "holdback_won": owed.holdback_won,
        "amount_won": owed.amount_won,
        "uncollected_won": owed.uncollected_won,
        "rest_micro": owed.rest_micro,
        "created_at": deed.now,
    }
    await _insert(conn, row, action, by=deed.by, reason=deed.reason)
    if owed.holdback_won:
        entry = payable_rules.holdback(owed.provider_id, amount_micro=owed.holdback_won * 1_000_000)
        await book(conn, payable_id, [(f"{payable_id}/holdback", owed.holdback_won, entry)])
    return payable_id


async def release(conn: Connection, payable: Row, *, deed: Deed) -> str:
    """What was withheld of a payable becomes one of its own. -> its id. The caller has judged the step."""
    payable_id = await new_id(conn, "payable_number", "py")
    won = payable["holdback_won"]
    row = {
        "id": payable_id,
        "provider_id": payable["provider_id"],
        "month": payable["month"],
        "kind": "holdback",
        "of_payable": payable["id"],
        "state": "due",
        "lines_won": 0,
        "carried_won": 0,
        "holdback_won": -won,
        "amount_won": won,
        "uncollected_won": 0,
        "rest_micro": 0,
        "created_at": deed.now,
    }
    await _insert(conn, row, "make", by=deed.by, reason=deed.reason)
    entry = payable_rules.holdback(payable["provider_id"], amount_micro=-won * 1_000_000)
    await book(conn, payable_id, [(f"{payable['id']}/release", won, entry)])
    return payable_id


async def owe_again(conn: Connection, payable: Row, won: int, *, by: By, reason: str) -> str:
    """What came back of its payment, in part, is a payable of its own. -> its id. The caller books it."""
    payable_id = await new_id(conn, "payable_number", "py")
    row = {
        "id": payable_id,
        "provider_id": payable["provider_id"],
        "month": payable["month"],
        "kind": "reversal",
        "of_payable": payable["id"],
        "state": "due",
        "lines_won": 0,
        "carried_won": 0,
        "holdback_won": 0,
        "back_won": won,
        "amount_won": won,
        "uncollected_won": 0,
        "rest_micro": 0,
        "created_at": by.now,
    }
    await _insert(conn, row, "make", by=by, reason=reason)
    return payable_id


async def _insert(conn: Connection, row: dict[str, Any], action: str, *, by: By, reason: str | None) -> None:
    await conn.execute(
        f"insert into payable ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})".encode(),  # noqa: S608
        list(row.values()),
    )
    detail = {name: row[name] for name in ("month", "kind", "amount_won", "holdback_won", "carried_won")}
    await write_step(
        conn,
        "payable",
        action,
        by=by,
        thing_id=row["id"],
        before=None,
        after=row["state"],
        reason=reason,
        detail=detail,
    )
