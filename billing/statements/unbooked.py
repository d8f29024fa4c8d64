"""Calls of a month, or of a voucher, that the books do not have yet: they run, or wait in a stream."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from billing.database import Connection
from billing.posting_columns import Unreadable
from billing.posting_events import Charge, Left, decode
from billing.statements.month import Month, first_day_number
from metering.event import CallMeta
from metering.keys import LANES, lane_of
from metering.purse import OpenCall, Purse, PurseUnavailable

WAITING_MAX: Final = 2_000  # entries of one stream that are looked at: above it the books lag behind anyhow
ASKED_AT_ONCE: Final = 100


async def calls_unbooked(conn: Connection, purse: Purse, month: Month) -> int | None:
    """How many of that month or before it; None where the purse cannot say."""
    try:
        return await _running(conn, purse, month) + await _waiting(purse, month)
    except PurseUnavailable:
        return None


async def voucher_unbooked(conn: Connection, purse: Purse, *, company_id: str, voucher_id: str) -> int | None:
    """How many of a voucher, whatever their month; None where the purse cannot say."""
    lane = lane_of(company_id)
    try:
        calls = await _open_calls(purse, lane, await _gateways(conn))
        waiting = await _of_voucher_waiting(purse, lane, voucher_id)
    except PurseUnavailable:
        return None
    return sum(call.voucher_id == voucher_id for call in calls) + waiting


async def _of_voucher_waiting(purse: Purse, lane: int, voucher_id: str) -> int:
    length = (await purse.log_lengths())[lane]
    if not length:
        return 0
    entries = await purse.read_log(lane=lane, count=WAITING_MAX)
    found = max(0, length - len(entries))
    for entry in entries:
        try:
            event = decode(entry, lane=lane)
        except Unreadable:
            continue  # it will be set aside: no voucher has it
        charges = event.charges if isinstance(event, Left) else (event,)
        found += sum(isinstance(charge, Charge) and charge.voucher_id == voucher_id for charge in charges)
    return found


async def _gateways(conn: Connection) -> list[str]:
    cursor = await conn.execute("select id from gateway where buried_at is null order by id")
    return [str(row[0]) for row in await cursor.fetchall()]


async def _open_calls(purse: Purse, lane: int, gateways: list[str]) -> list[OpenCall]:
    found: list[OpenCall] = []
    n = await purse.epoch_here(lane)
    for gateway_id in gateways if n is not None else ():
        assert n is not None, "the loop asks"
        ops = await purse.open_ops(lane=lane, n=n, gateway_id=gateway_id)
        for start in range(0, len(ops), ASKED_AT_ONCE):
            some = ops[start : start + ASKED_AT_ONCE]
            calls = await asyncio.gather(*(purse.open_call(lane=lane, n=n, op=op) for op in some))
            found += [call for call in calls if call is not None]
    return found


async def _running(conn: Connection, purse: Purse, month: Month) -> int:
    gateways = await _gateways(conn)
    found = 0
    for lane in range(LANES):
        calls = await _open_calls(purse, lane, gateways)
        found += sum(_began_in(call.meta, month) for call in calls)
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
