"""What follows in the books from what is learned of a payment to a provider: once, however often told."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, cast

from billing.alerts.finding import payout_made
from billing.casework.deeds import By, write_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.ledger import payable_rules
from billing.ledger.journal import Entry
from billing.payables import rows
from billing.payables.entries import book
from billing.payables.facts import STEPS, Due, Told, Word, dues, state_of
from billing.payables.making import owe_again
from metering.money import MICRO_PER_WON

_log: Final = logging.getLogger(__name__)


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
    payout_id, won = payout["id"], payout["amount_won"]
    if not await _is_news(conn, told):
        return False
    if told.word == "reversed":
        await _keep_part(conn, payable, payout, told, by=by)
    else:
        await conn.execute(
            "insert into payout_fact (payout_id, word, ref, reason, at) values (%s, %s, %s, %s, %s)",
            [payout_id, told.word, told.ref, told.reason, by.now],
        )
    if told.word == "paid":
        await payout_made(conn, payout_id, payout["provider_id"], won * MICRO_PER_WON, now=by.now)
    words, parts = await words_of(conn, payout_id), await parts_of(conn, payout_id)
    booked = {
        row["key"]
        for row in await rows_of(conn, "select key from payable_entry where payable_id = %s", [payable["id"]])
    }
    due = [one for one in dues(payout_id, words, won, parts) if one.key not in booked]
    await book(conn, payable["id"], [(one.key, one.won, _entry(payout, one)) for one in due])
    after = state_of(words)
    if payable["payout_id"] == payout_id and payable["state"] in STEPS and after != payable["state"]:
        await _move(conn, payable, after, told, by=by)
    return True


async def _is_news(conn: Connection, told: Told) -> bool:
    """What came back whole has no parts, and what came back in parts is never said to be back whole."""
    words, parts = await words_of(conn, told.payout_id), await parts_of(conn, told.payout_id)
    if told.word == "reversed":
        return told.ref not in parts and "returned" not in words
    return told.word not in words and not (told.word == "returned" and parts)


async def _keep_part(conn: Connection, payable: Row, payout: Row, told: Told, *, by: By) -> None:
    """Owed again by a payable of its own: this one is settled as far as the rest goes, and stays so."""
    back_won = told.won + sum((await parts_of(conn, payout["id"])).values())
    if back_won > payout["amount_won"]:
        raise ValueError(f"more came back of {payout['id']} than was paid")
    _log.warning("payout_reversed_in_part payout=%s ref=%s won=%s", payout["id"], told.ref, told.won)
    owing = await owe_again(conn, payable, told.won, by=by, reason=told.reason)
    await conn.execute(
        "insert into payout_reversal (payout_id, ref, amount_won, payable_id, at)"
        " values (%s, %s, %s, %s, %s)",
        [payout["id"], told.ref, told.won, owing, by.now],
    )


async def parts_of(conn: Connection, payout_id: str) -> dict[str, int]:
    query = "select ref, amount_won from payout_reversal where payout_id = %s"
    return {row["ref"]: row["amount_won"] for row in await rows_of(conn, query, [payout_id])}


async def words_of(conn: Connection, payout_id: str) -> set[Word]:
    found = await rows_of(conn, "select word from payout_fact where payout_id = %s", [payout_id])
    return {cast("Word", row["word"]) for row in found}


def _entry(payout: Row, due: Due) -> Entry:
    amount_micro = due.sign * due.won * MICRO_PER_WON
    if due.kind == "payout":
        return payable_rules.payout(payout["provider_id"], amount_micro=amount_micro)
    return payable_rules.paid_out(payout["provider_id"], payout["rail"], amount_micro=amount_micro)


async def _move(conn: Connection, payable: Row, after: str, told: Told, *, by: By) -> None:
    await conn.execute("update payable set state = %s where id = %s", [after, payable["id"]])
    detail = {"payout": told.payout_id, "ref": told.ref}
    await write_step(
        conn,
        "payable",
        STEPS[after],
        by=by,
        thing_id=payable["id"],
        before=payable["state"],
        after=after,
        reason=told.reason or None,
        detail=detail,
    )
