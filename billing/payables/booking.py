"""What follows in the books from what is learned of a payment to a provider: once, however often told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from billing.alerts.finding import payout_made
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.ledger import payable_rules
from billing.ledger.journal import Entry
from billing.ledger.store import append_entries
from billing.payables import rows
from billing.payables.facts import STEPS, Due, Told, Word, dues, state_of
from billing.payments.own_money import By
from metering.money import MICRO_PER_WON


async def book(conn: Connection, payable_id: str, entries: Sequence[tuple[str, int, Entry]]) -> None:
    """Entries under keys of their own, with their amounts in won; a key that is there fails."""
    if not entries:
        return
    ids = await append_entries(conn, [entry for _, _, entry in entries])
    for (key, won, _), entry_id in zip(entries, ids, strict=True):
        await conn.execute(
            "insert into payable_entry (key, payable_id, amount_won, entry_id) values (%s, %s, %s, %s)",
            [key, payable_id, won, entry_id],
        )


async def learn(conn: Connection, told: Iterable[Told], *, by: By) -> int:
    """Keep what was told of payments and book what follows. -> how much of it was new.

    Each payable's row is locked before its payments are looked at, in the order of their ids.
    """
    new = 0
    for one in sorted(told, key=lambda one: one.payout_id):
        payout = await row_of(conn, "select * from payout where id = %s", [one.payout_id])
        payable = await rows.locked(conn, payout["payable_id"])
        new += await _learn_one(conn, payable, payout, one, by=by)
    return new


async def _learn_one(conn: Connection, payable: Row, payout: Row, told: Told, *, by: By) -> bool:
    cursor = await conn.execute(
        "insert into payout_fact (payout_id, word, ref, reason, at) values (%s, %s, %s, %s, %s)"
        " on conflict do nothing returning 1",
        [payout["id"], told.word, told.ref, told.reason, by.now],
    )
    if await cursor.fetchone() is None:
        return False
    if told.word == "paid":
        amount_micro = payout["amount_won"] * MICRO_PER_WON
        await payout_made(conn, payout["id"], payout["provider_id"], amount_micro, now=by.now)
    words = await words_of(conn, payout["id"])
    booked = {
        row["key"]
        for row in await rows_of(conn, "select key from payable_entry where payable_id = %s", [payable["id"]])
    }
    won = payout["amount_won"]
    due = [one for one in dues(payout["id"], words) if one.key not in booked]
    await book(conn, payable["id"], [(one.key, won, _entry(payout, one)) for one in due])
    after = state_of(words)
    if payable["payout_id"] == payout["id"] and payable["state"] in STEPS and after != payable["state"]:
        await _move(conn, payable, after, told, by=by)
    return True


async def words_of(conn: Connection, payout_id: str) -> set[Word]:
    found = await rows_of(conn, "select word from payout_fact where payout_id = %s", [payout_id])
    return {cast("Word", row["word"]) for row in found}


def _entry(payout: Row, due: Due) -> Entry:
    amount_micro = due.sign * payout["amount_won"] * MICRO_PER_WON
    if due.kind == "payout":
        return payable_rules.payout(payout["provider_id"], amount_micro=amount_micro)
    return payable_rules.paid_out(payout["provider_id"], payout["rail"], amount_micro=amount_micro)


async def _move(conn: Connection, payable: Row, after: str, told: Told, *, by: By) -> None:
    await conn.execute("update payable set state = %s where id = %s", [after, payable["id"]])
    await conn.execute(
        "insert into step"
        " (thing, thing_id, action, from_state, to_state, person, role, reason, detail, request_id, at)"
        " values ('payable', %s, %s, %s, %s, %s, %s, %s,"
        " jsonb_build_object('payout', %s::text, 'ref', %s::text), %s, %s)",
        [
            payable["id"],
            STEPS[after],
            payable["state"],
            after,
            by.person,
            by.role,
            told.reason or None,
            told.payout_id,
            told.ref,
            by.request_id,
            by.now,
        ],
    )
