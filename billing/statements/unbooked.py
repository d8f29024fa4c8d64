"""Calls of a month that the books do not have yet: they run, or their end waits in a stream."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from billing.database import Connection
from billing.posting_columns import Unreadable
from billing.posting_events import Charge, Left, decode
from billing.statements.month import Month, first_day_number
from metering.event import CallMeta
from metering.keys import LANES
from metering.purse import Purse, PurseUnavailable

WAITING_MAX: Final = 2_000  # entries of one stream that are looked at: above it the books lag behind anyhow
ASKED_AT_ONCE: Final = 100


async def calls_unbooked(conn: Connection, purse: Purse, month: Month) -> int | None:
    """How many of that month or before it; None where the purse cannot say."""
    try:
        return await _running(conn, purse, month) + await _waiting(purse, month)
    except PurseUnavailable:
        return None


async def _running(conn: Connection, purse: Purse, month: Month) -> int:
    cursor = await conn.execute("select id from gateway where buried_at is null order by id")
    gateways = [str(row[0]) for row in await cursor.fetchall()]
    found = 0
    for lane in range(LANES):
        n = await purse.epoch_here(lane)
        if n is None:
            continue
        for gateway_id in gateways:
            ops = await purse.open_ops(lane=lane, n=n, gateway_id=gateway_id)
            for start in range(0, len(ops), ASKED_AT_ONCE):
                some = ops[start : start + ASKED_AT_ONCE]
                calls = await asyncio.gather(*(purse.open_call(lane=lane, n=n, op=op) for op in some))
                found += sum(call is not None and _began_in(call.meta, month) for call in calls)
    return found


def _began_in(meta: bytes, month: Month) -> bool:
    """One that cannot be read may be of any month."""
    try:
        return CallMeta.from_bytes(meta).started_ms < month.end_ms
    except (msgspec.ValidationError, msgspec.DecodeError):
        return True


async def _waiting(purse: Purse, month: Month) -> int:
    found = 0
    for lane, length in enumerate(await purse.log_lengths()):
        if not length:
            continue
        entries = await purse.read_log(lane=lane, count=WAITING_MAX)
        for entry in entries:
            try:
                event = decode(entry, lane=lane)
            except Unreadable:
                continue  # it will be set aside: no month has it
            charges = event.charges if isinstance(event, Left) else (event,)
            end = first_day_number(month.after())
            found += sum(isinstance(charge, Charge) and charge.day < end for charge in charges)
        found += max(0, length - len(entries))
    return found
