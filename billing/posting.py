"""The poster: takes events from the streams into the books, a batch of many lanes in one SQL transaction.

Nothing is deleted from a stream before it is committed, and nothing is acknowledged before that. A lane is
posted by one worker at a time: its advisory lock lives on the very connection that writes, so a worker
that lost the one has lost the other. An event that cannot be applied is parked and never stops the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

import orjson
import psycopg

from billing.database import LANE_POSTER_LOCK, Connection
from billing.parking import park
from billing.posting_columns import Unreadable
from billing.posting_events import Decoded, decode
from billing.posting_rules import apply_event
from billing.posting_state import Outcome, ParkedEvent
from billing.posting_store import read_state, write_outcome
from metering.keys import LANES
from metering.purse import LogEntry, Purse

BATCH_MAX: Final = 2000
LANE_SHARE_MIN: Final = 50

_log = logging.getLogger(__name__)

Batch = Mapping[int, Sequence[LogEntry]]


class Poster:
    """Owns `conn` for its life: the lanes' locks are held on it."""

    def __init__(self, conn: Connection, purse: Purse, *, lanes: Sequence[int] = range(LANES)) -> None:
        self._conn = conn
        self._purse = purse
        self._wanted = set(lanes)
        self.lanes: set[int] = set()
        self.posted = 0
        self.parked = 0

    async def take_lanes(self) -> None:
        """Take the lanes nobody else posts. Call it now and then: another worker may have died."""
        missing = sorted(self._wanted - self.lanes)
        if missing:
            cursor = await self._conn.execute(
                "select lane from unnest(%s::integer[]) lane where pg_try_advisory_lock(%s, lane)",
                [missing, LANE_POSTER_LOCK],
            )
            self.lanes.update(row[0] for row in await cursor.fetchall())

    async def post_once(self, *, batch_max: int = BATCH_MAX) -> int:
        """Post one batch of what waits in our lanes. -> how many entries were taken."""
        lengths = await self._purse.log_lengths()
        waiting = [lane for lane in sorted(self.lanes) if lengths[lane]]
        if not waiting:
            return 0
        share = max(LANE_SHARE_MIN, batch_max // len(waiting))
        logs = await asyncio.gather(*(self._purse.read_log(lane=lane, count=share) for lane in waiting))
        batch = {lane: entries for lane, entries in zip(waiting, logs, strict=True) if entries}
        taken = sum(len(entries) for entries in batch.values())
        if taken:
            await self._post(batch)
            self.posted += taken
        return taken

    async def _post(self, batch: Batch) -> None:
        try:
            out = await self._commit(batch)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            await self._post_apart(batch, error)
            return
        self._alarm(out.parked)
        await self._clear(batch, out)

    async def _post_apart(self, batch: Batch, error: psycopg.Error) -> None:
        """The database refused the batch: find the entry it refuses, park it, post the others."""
        entries = [(lane, entry) for lane, group in batch.items() for entry in group]
        if len(entries) > 1:
            if len(batch) > 1:
                parts: list[Batch] = [{lane: group} for lane, group in batch.items()]
            else:
                [(lane, group)] = batch.items()
                middle = len(group) // 2
                parts = [{lane: group[:middle]}, {lane: group[middle:]}]
            for part in parts:
                await self._post(part)
            return
        lane, entry = entries[0]
        out = Outcome()
        _set_aside(out, lane, entry, f"{type(error).__name__}: {error}")
        async with self._conn.transaction():
            await park(self._conn, out.parked)
        self._alarm(out.parked)
        await self._clear(batch, out)

    async def _commit(self, batch: Batch) -> Outcome:
        out = Outcome()
        events: list[tuple[int, LogEntry, Decoded]] = []
        for lane, entries in batch.items():
            for entry in entries:
                try:
                    events.append((lane, entry, decode(entry, lane=lane)))
                except Unreadable as reason:
                    _set_aside(out, lane, entry, str(reason))
        async with self._conn.transaction():
            books = await read_state(self._conn, [event for _, _, event in events])
            for lane, entry, event in events:
                try:
                    apply_event(books, out, event)
                except Unreadable as reason:
                    _set_aside(out, lane, entry, str(reason))
            await write_outcome(self._conn, books, out)
        return out

    async def _clear(self, batch: Batch, out: Outcome) -> None:
        """Committed: the streams may forget, and so may the gateways."""
        await asyncio.gather(
            *(
                self._purse.delete_log(lane=lane, entry_ids=[entry.entry_id for entry in entries])
                for lane, entries in batch.items()
            ),
            *(self._purse.push_acks(lane=lane, acks=acks) for lane, acks in out.acks.items()),
        )

    def _alarm(self, parked: Sequence[ParkedEvent]) -> None:
        for event in parked:
            self.parked += 1
            _log.error("event_parked lane=%d op=%s reason=%s", event.lane, event.op, event.reason)


def _set_aside(out: Outcome, lane: int, entry: LogEntry, reason: str) -> None:
    payload = entry.fields.get("e", b"")
    out.parked.append(ParkedEvent(lane, entry.entry_id, entry.kind, entry.op, reason, payload))
    if gateway_id := _sender(payload):
        out.acknowledge(lane, gateway_id, entry.op)


def _sender(payload: bytes) -> str | None:
    """Who waits for the acknowledgement of an event that could not be read whole."""
    try:
        raw = orjson.loads(payload)
        sender = raw["meta"]["gateway_id"] if "meta" in raw else raw["gateway_id"]
    except (ValueError, TypeError, KeyError):
        return None
    return sender if isinstance(sender, str) else None
