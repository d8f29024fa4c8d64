"""The sweeper: ends the holds of gateways that are dead, and tells the books when none of theirs is left.

A gateway whose lease is gone for ten seconds on this data set has its holds settled at the last
checkpoint: it may wake up, so nothing is said of the gateway itself. One that is known to be over (its end
was seen, or a quarter of an hour of silence) is swept at once, and `gone` is appended to the lanes'
streams after its last event. The decision is taken on what this process observed, on its own monotonic clock.

A word of the dead may come after all that, from a buffer on the way: a hold that nobody knows of. So who is
buried is still swept for a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from billing.database import Connection
from billing.gateways import UNSEEN_DEAD_S, mark_gateway_ended, register_gateway, touch_gateway
from metering.purse import Gone, Purse, PurseUnavailable

__all__ = ["Sweeper", "mark_gateway_ended", "register_gateway", "touch_gateway"]

LEASE_LOST_S: Final = 10.0
# Words a killed process had sent are still on their way for a moment.
ENDED_MARGIN_S: Final = 0.5
HEIR_S: Final = 300.0  # whoever takes the place of a gateway that ended is there by then, or nobody does
HEIR_ADOPTS_S: Final = 3.0  # from the end of a gateway to its heir's first word on what it left
LATE_WORDS_S: Final = 60.0
# After an outage of the books nobody could be seen: silence counts only after we could have heard.
LISTENED_MIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Gateway:
    gateway_id: str
    ended: bool
    silent: bool
    is_inherited: bool  # a younger gateway has its journal, or nobody comes for it
    buried: bool


@dataclass(slots=True)
class Sweeper:
    purse: Purse
    started_s: float
    data_set: str = ""
    missing_since_s: dict[str, float] = field(default_factory=dict)
    swept: int = 0

    async def sweep_once(self, conn: Connection, *, lanes: Sequence[int], now_s: float) -> int:
        """One pass over the lanes this worker posts. -> holds ended."""
        gateways = await _to_sweep(conn)
        if not gateways:
            return 0
        dead = await self._dead(gateways, now_s)
        heard = now_s - self.started_s >= LISTENED_MIN_S
        over = {
            gateway.gateway_id
            for gateway in gateways
            if not gateway.buried
            and (
                (gateway.ended and gateway.is_inherited)
                or (gateway.silent and heard and gateway.gateway_id in dead)
            )
        }
        # Gateways whose lease is missing, but not for long enough yet, hold up `drained`.
        missing = {g.gateway_id for g in gateways if g.gateway_id in self.missing_since_s and not g.buried}
        doubtful = missing - dead
        before = self.swept
        epochs = await _unclosed(conn, lanes)
        unswept: set[int] = set()
        for lane, n, wants_drained in epochs:
            try:
                for gateway_id in sorted(dead):
                    await self._sweep_epoch(lane=lane, n=n, gateway_id=gateway_id)
                if wants_drained and not doubtful:
                    await self.purse.note(lane=lane, kind="drained", op="", n=n, event=b"{}")
            except PurseUnavailable:
                unswept.add(lane)  # of a cluster, one node may be away: its lanes come next time, others now
        # Who is gone is not swept any more but for late words: never said where a hold may be left.
        swept_lanes = {lane for lane, _, _ in epochs} - unswept
        await self._note_gone(conn, over, lanes=sorted(swept_lanes))
        return self.swept - before

    async def _dead(self, gateways: Sequence[_Gateway], now_s: float) -> set[str]:
        data_set = await self.purse.data_set()
        if data_set != self.data_set:
            # A server that has just come back shows old leases, or none: what was seen before says nothing.
            self.data_set = data_set
            self.missing_since_s.clear()
        dead = set()
        for gateway in gateways:
            if gateway.ended:
                dead.add(gateway.gateway_id)
            elif await self._may_live(gateway.gateway_id):
                self.missing_since_s.pop(gateway.gateway_id, None)
            elif now_s - self.missing_since_s.setdefault(gateway.gateway_id, now_s) >= LEASE_LOST_S:
                dead.add(gateway.gateway_id)
        known = {gateway.gateway_id for gateway in gateways}
        self.missing_since_s = {g: since for g, since in self.missing_since_s.items() if g in known}
        return dead

    async def _may_live(self, gateway_id: str) -> bool:
        """Where its lease cannot be asked for, nobody calls it dead."""
        try:
            return await self.purse.lease_alive(gateway_id)
        except PurseUnavailable:
            return True

    async def _sweep_epoch(self, *, lane: int, n: int, gateway_id: str) -> None:
        for op in await self.purse.open_ops(lane=lane, n=n, gateway_id=gateway_id):
            outcome = await self.purse.sweep(lane=lane, n=n, op=op, gateway_id=gateway_id)
            self.swept += not isinstance(outcome, Gone)

    async def _note_gone(self, conn: Connection, over: set[str], *, lanes: Sequence[int]) -> None:
        """Into every lane in use, until it is in the books; then the gateway is buried."""
        for gateway_id in sorted(over):
            cursor = await conn.execute(
                "select lane from gone_gateway where gateway_id = %s and lane = any(%s)",
                [gateway_id, list(lanes)],
            )
            booked = {row[0] for row in await cursor.fetchall()}
            for lane in lanes:
                if lane not in booked:
                    await self._note_gone_in(lane, gateway_id)
            await conn.execute(
                "update gateway g set buried_at = clock_timestamp() where g.id = %s and not exists"
                " (select from lane_epoch e where e.state <> 'closed' and not exists"
                "  (select from gone_gateway d where d.lane = e.lane and d.gateway_id = g.id))",
                [gateway_id],
            )

    async def _note_gone_in(self, lane: int, gateway_id: str) -> None:
        event = orjson.dumps({"gateway": gateway_id})
        try:
            await self.purse.note(lane=lane, kind="gone", op=f"gone:{gateway_id}", n=0, event=event)
        except PurseUnavailable:
            return  # not in the books, so it is said again


async def _to_sweep(conn: Connection) -> list[_Gateway]:
    cursor = await conn.execute(
        "select id, coalesce(ended_at < clock_timestamp() - make_interval(secs => %s), false),"
        " seen_at < clock_timestamp() - make_interval(secs => %s),"
        # Its end may be written down after its heir has registered: what it was last seen at was before both.
        " coalesce(ended_at < clock_timestamp() - make_interval(secs => %s), false)"
        " or coalesce(ended_at < clock_timestamp() - make_interval(secs => %s), false)"
        " and exists (select from gateway h where h.id <> g.id and h.registered_at > g.seen_at),"
        " buried_at is not null"
        " from gateway g where buried_at is null"
        "  or buried_at > clock_timestamp() - make_interval(secs => %s) order by id",
        [ENDED_MARGIN_S, UNSEEN_DEAD_S, HEIR_S, HEIR_ADOPTS_S, LATE_WORDS_S],
    )
    return [_Gateway(*row) for row in await cursor.fetchall()]


async def _unclosed(conn: Connection, lanes: Sequence[int]) -> list[tuple[int, int, bool]]:
    """(lane, n, whether `drained` is still to be said) of every epoch that may hold something."""
    cursor = await conn.execute(
        "select lane, n, state = 'closing' and not drained from lane_epoch"
        " where state <> 'closed' and lane = any(%s) order by lane, n",
        [list(lanes)],
    )
    return [(lane, n, wants) for lane, n, wants in await cursor.fetchall()]
