"""Reported lines charged to vouchers: whole or not at all, from what the books have lent to nobody.

A gateway spends only what was lent to its purse, so what is free under the lock of the voucher's funds is
nobody else's, and a line is booked from that alone. Where too much is lent, the line waits: the worker asks
the purse for what is neither spent nor held, while nobody can borrow it again, and books then. So neither a
report nor a call ever spends what the other has.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.errors import DeadlockDetected, LockNotAvailable

from billing.casework.deeds import the_clock, write_step
from billing.casework.rows import Row, rows_of
from billing.database import MONTH_LOCK, Connection
from billing.directory_time import after_ms, instant_ms
from billing.posting_rules import apply_correction, apply_event
from billing.posting_state import BooksState, Outcome
from billing.posting_store import read_state, write_outcome
from billing.reclaim import reclaim
from billing.reports.booking import charge_of
from billing.reports.finding import Paying, vouchers_for
from billing.reports.units import KINDS
from billing.settlements.found_lines import is_disallowed
from billing.treasury import voucher_lock
from metering.purse import Purse, PurseUnavailable

CHARGES_MAX: Final = 200  # lines in one pass

_log = logging.getLogger(__name__)

_DUE: Final = (
    "select id from report_line where state = 'accepted'"
    " or (state = 'reported' and not needs_acceptance and due_at <= %s)"
    # What never was tried comes first; among the others nobody delays anybody for ever.
    " order by waits_for is not null, random() limit %s"
)


@dataclass(frozen=True, slots=True)
class Waits:
    """Why a line is not charged yet. `need_micro`: of the voucher's lent money, where that would do."""

    code: str
    voucher_id: str | None = None
    need_micro: int = 0


async def charge_reports(purse: Purse, conn: Connection, *, now: datetime) -> int:
    """All that are due. `conn` is outside any SQL transaction. -> how many were charged."""
    charged = 0
    for row in await rows_of(conn, _DUE, [now, CHARGES_MAX]):
        try:
            waits = await _charge_alone(conn, row["id"], now)
            if waits is not None and waits.voucher_id is not None:
                async with voucher_lock(conn, waits.voucher_id):
                    await reclaim(purse, conn, waits.voucher_id, waits.need_micro)
                    waits = await _charge_alone(conn, row["id"], now)
        except (LockNotAvailable, DeadlockDetected, PurseUnavailable) as error:
            _log.info("report_line_waits line=%s reason=%s", row["id"], type(error).__name__)
            continue
        charged += waits is None
    return charged


async def _charge_alone(conn: Connection, line_id: str, now: datetime) -> Waits | None:
    async with conn.transaction():
        return await charge_line(conn, line_id, now=now)


async def charge_line(conn: Connection, line_id: str, *, now: datetime) -> Waits | None:
    """In the caller's SQL transaction. -> what it waits for; None where it is charged, or over."""
    # Before any row: whoever closes a month waits for nothing that we hold.
    await conn.execute("select pg_advisory_xact_lock_shared(%s, 0)", [MONTH_LOCK])
    [line] = await rows_of(conn, "select * from report_line where id = %s for update", [line_id])
    if line["state"] in ("charged", "rejected", "withdrawn"):
        return None
    waits = _not_yet(line, now) or await _book(conn, line, now)
    if waits is not None and waits.code != line["waits_for"]:
        await conn.execute("update report_line set waits_for = %s where id = %s", [waits.code, line_id])
    return waits


def _not_yet(line: Mapping[str, Any], now: datetime) -> Waits | None:
    if line["state"] == "objected":
        return Waits("objection")
    if line["state"] == "accepted":
        is_running = KINDS[line["unit"]].by_month and instant_ms(now) < after_ms(line["to_on"])
        return Waits("service") if is_running else None
    if line["needs_acceptance"]:
        return Waits("acceptance")
    return Waits("objection_time") if now < line["due_at"] else None


async def _book(conn: Connection, line: Row, now: datetime) -> Waits | None:
    if line["corrects"] is not None:
        return await _correct(conn, line, now)
    vouchers = await vouchers_for(conn, line, lock=True)
    chosen = choose(vouchers, line["amount_micro"])
    if isinstance(chosen, Waits):
        return chosen
    event = charge_of(line, op=line["id"], voucher_id=chosen.voucher_id, kind="settled")
    books = await read_state(conn, [event])
    out = Outcome()
    apply_event(books, out, event)
    await _write(conn, line, books, out, chosen.voucher_id, now)
    return None


def choose(vouchers: list[Paying], amount_micro: int) -> Paying | Waits:
    """The first in the order of paying that has the whole amount left. If it is lent, it is waited for."""
    for one in vouchers:
        if one.state != "active":
            continue
        if amount_micro <= one.free_micro:
            return one
        if amount_micro <= one.free_micro + one.lent_micro:
            return Waits("funds_pending", one.voucher_id, amount_micro - one.free_micro)
    if not any(one.state == "active" for one in vouchers):
        return Waits("no_voucher")
    return Waits("voucher_short")


async def _correct(conn: Connection, line: Row, now: datetime) -> Waits | None:
    """One more step of the line that is corrected, on the voucher that paid it."""
    [first] = await rows_of(conn, "select voucher_id from report_line where id = %s", [line["corrects"]])
    voucher_id = first["voucher_id"]
    event = charge_of(line, op=line["corrects"], voucher_id=voucher_id, kind="correction")
    books = await read_state(conn, [event])
    funds = books.funds[voucher_id]
    more = line["amount_micro"] - books.booked[event.op].charge_micro
    if more < 0 and await is_disallowed(conn, event.op):
        return Waits("disallowed")
    if more > funds.free_micro:
        [row] = await rows_of(
            conn,
            "select capacity_micro - charged_micro - free_micro as lent from funds where voucher_id = %s",
            [voucher_id],
        )
        there = Paying(voucher_id, "active", funds.free_micro, row["lent"])
        waits = choose([there], more)
        assert isinstance(waits, Waits), "it is more than is free"
        return waits
    out = Outcome()
    apply_correction(books, out, event)
    await _write(conn, line, books, out, voucher_id, now)
    return None


async def _write(
    conn: Connection, line: Row, books: BooksState, out: Outcome, voucher_id: str, now: datetime
) -> None:
    [row] = out.rows
    assert row.now.uncollected_micro == 0, "only what is free was taken"
    await write_outcome(conn, books, out)
    await write_step(
        conn,
        "report_line",
        "charge",
        by=the_clock(now),
        thing_id=line["id"],
        before=line["state"],
        after="charged",
        detail={"voucher": voucher_id, "amount_micro": line["amount_micro"], "step": row.now.step},
    )
    await conn.execute(
        "update report_line set state = 'charged', waits_for = null, voucher_id = %s where id = %s",
        [voucher_id, line["id"]],
    )
