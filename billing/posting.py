"""The poster: takes events from the streams into the books, a batch of many lanes in one SQL transaction.

Nothing is deleted from a stream before it is committed, and nothing is acknowledged before that. A lane is
posted by one worker at a time: its advisory lock lives on the very connection that writes, so a worker
that lost the one has lost the other. An event that cannot be applied is parked and never stops the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson
import psycopg

from billing.database import LANE_POSTER_LOCK, Connection
from billing.parking import park
from billing.posting_columns import Unreadable
from billing.posting_events import Decoded, Left, decode
from billing.posting_rules import apply_event
from billing.posting_state import Outcome, ParkedEvent
from billing.posting_store import read_state, write_outcome
from metering.keys import LANES
from metering.purse import LogEntry, Purse

BATCH_MAX: Final = 2000
LANE_SHARE_MIN: Final = 50
STEP: Final = 100  # entries decoded before others have their turn

_log = logging.getLogger(__name__)

Batch = Mapping[int, Sequence[LogEntry]]


@dataclass(slots=True)
class Taken:
    """A batch that was read. `out` has what could not be, set aside already."""

    batch: Batch
    is_full: bool  # there may be more
    events: list[tuple[int, LogEntry, Decoded]] = field(default_factory=list)
    out: Outcome = field(default_factory=Outcome)

    @property
    def count(self) -> int:
        return sum(len(entries) for entries in self.batch.values())


class RulesFailed(Exception):
    """A fault of our own: it may stop one call, never a lane."""


REFUSALS: Final = (psycopg.DataError, psycopg.IntegrityError, RulesFailed)


@dataclass(frozen=True, slots=True)
class Posted:
    """A batch that is committed: the streams may forget it, and so may the gateways."""

    batch: Batch
    out: Outcome


async def take(batch: Batch, *, is_full: bool = False) -> Taken:
    """Decode a batch, in steps: another one may be on its way into the books, and waits for its turns."""
    taken = Taken(batch, is_full)
    for lane, entries in batch.items():
        for index, entry in enumerate(entries, 1):
            try:
                taken.events.append((lane, entry, decode(entry, lane=lane)))
            except Unreadable as reason:
                _set_aside(taken.out, lane, entry, str(reason))
            if index % STEP == 0:
                await asyncio.sleep(0)
    return taken


class Poster:
    """Owns `conn` for its life: the lanes' locks are held on it."""

    def __init__(self, conn: Connection, purse: Purse, *, lanes: Sequence[int] = range(LANES)) -> None:
        self._conn = conn
        self._purse = purse
        self._wanted = set(lanes)
        self._ahead: Taken | None = None  # read while the last batch was written
        self._leaving: Posted | None = None  # the last batch, where there is one ahead; still in the streams
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
        """Post one batch of what waits in our lanes. -> how many entries were taken.

        In a backlog three batches are under way: while this one is written, the next one is read, and the one
        before it, which is committed, leaves the streams. Nothing of a batch is written before the one before
        it is committed. If anything fails, all three are forgotten, and what is in the streams comes again.
        """
        taken, self._ahead = self._ahead or await self._take({}, {}, batch_max), None
        before, self._leaving = self._leaving, None
        if not taken.count:
            return 0
        # In this order: they go over one connection, so the streams are read after they were emptied.
        clearing = asyncio.create_task(self._clear(before)) if before else None
        reading = None
        if taken.is_full:
            gone = before.batch if before else {}
            reading = asyncio.create_task(self._take(gone, taken.batch, batch_max))
        try:
            posted = await self._post(taken)
            if clearing is not None:
                await clearing
            following = None if reading is None else await reading
            if following is None or not following.count:
                await self._clear(posted)
        except BaseException:
            await _abandon(clearing, reading)
            raise
        if following is not None and following.count:
            self._ahead, self._leaving = following, posted
        self.posted += taken.count
        return taken.count

    async def _take(self, gone: Batch, before: Batch, batch_max: int) -> Taken:
        """Read what follows `before`, which is still in the streams, and `gone`, which may be."""
        lengths = await self._purse.log_lengths()
        waiting = [lane for lane in sorted(self.lanes) if lengths[lane] > len(before.get(lane, ()))]
        if not waiting:
            return Taken({}, is_full=False)
        share = max(LANE_SHARE_MIN, batch_max // len(waiting))
        logs = await asyncio.gather(
            *(self._read(lane, before.get(lane) or gone.get(lane, ()), share) for lane in waiting)
        )
        batch = {lane: entries for lane, entries in zip(waiting, logs, strict=True) if entries}
        return await take(batch, is_full=any(len(entries) >= share for entries in logs))

    async def _read(self, lane: int, before: Sequence[LogEntry], count: int) -> list[LogEntry]:
        after = before[-1].entry_id if before else ""
        return await self._purse.read_log(lane=lane, count=count, after=after)

    async def _post(self, taken: Taken) -> Posted:
        """Commit it. What it leaves to do is the caller's."""
        try:
            out = await self._commit(taken)
        except REFUSALS as error:
            return await self._post_apart(taken.batch, error)
        self._alarm(out.parked)
        return Posted(taken.batch, out)

    async def _post_apart(self, batch: Batch, error: Exception) -> Posted:
        """The database, or the rules, refused the batch: find the entry, park it, post the others."""
        entries = [(lane, entry) for lane, group in batch.items() for entry in group]
        if len(entries) > 1:
            if len(batch) > 1:
                parts: list[Batch] = [{lane: group} for lane, group in batch.items()]
            else:
                [(lane, group)] = batch.items()
                middle = len(group) // 2
                parts = [{lane: group[:middle]}, {lane: group[middle:]}]
            for part in parts:
                await self._clear(await self._post(await take(part)))
            return Posted({}, Outcome())
        lane, entry = entries[0]
        for _, _, event in (await take(batch)).events:
            if isinstance(event, Left) and event.charges:
                return await self._post_notice_apart(batch, lane, entry, event)
        return Posted(batch, await self._park(lane, entry, error))

    async def _post_notice_apart(self, batch: Batch, lane: int, entry: LogEntry, left: Left) -> Posted:
        """Of a gateway's last word on an epoch only the charge that is refused is parked."""
        for charge in left.charges:
            part = LogEntry("", entry.kind, charge.op, entry.n, {"e": charge.columns.encode()})
            out = await self._post_one(lane, part, charge)
            out.acknowledge(lane, charge.gateway_id, charge.op)
            await self._clear(Posted({}, out))
        return Posted(batch, await self._post_one(lane, entry, replace(left, charges=())))

    async def _post_one(self, lane: int, entry: LogEntry, event: Decoded) -> Outcome:
        try:
            out = await self._commit(Taken({}, is_full=False, events=[(lane, entry, event)]))
        except REFUSALS as error:
            return await self._park(lane, entry, error)
        self._alarm(out.parked)
        return out

    async def _park(self, lane: int, entry: LogEntry, error: Exception) -> Outcome:
        out = Outcome()
        _set_aside(out, lane, entry, f"{type(error).__name__}: {error}")
        async with self._conn.transaction():
            await park(self._conn, out.parked)
        self._alarm(out.parked)
        return out

    async def _commit(self, taken: Taken) -> Outcome:
        out = taken.out
        async with self._conn.transaction():
            books = await read_state(self._conn, [event for _, _, event in taken.events])
            for lane, entry, event in taken.events:
                try:
                    apply_event(books, out, event)
                except Unreadable as reason:
                    _set_aside(out, lane, entry, str(reason))
                except Exception as fault:
                    _log.exception("posting_rules_failed lane=%d op=%s", lane, entry.op)
                    raise RulesFailed(f"{type(fault).__name__}: {fault}") from fault
            await write_outcome(self._conn, books, out)
        return out

    async def _clear(self, posted: Posted) -> None:
        await asyncio.gather(
            *(
                self._purse.delete_log(lane=lane, entry_ids=[entry.entry_id for entry in entries])
                for lane, entries in posted.batch.items()
            ),
            *(self._purse.push_acks(lane=lane, acks=acks) for lane, acks in posted.out.acks.items()),
        )

    def _alarm(self, parked: Sequence[ParkedEvent]) -> None:
        for event in parked:
            self.parked += 1
            _log.error("event_parked lane=%d op=%s reason=%s", event.lane, event.op, event.reason)


async def _abandon(*tasks: asyncio.Task[None] | asyncio.Task[Taken] | None) -> None:
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


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
