"""Holds that no call of this process will end any more, and that no sweeper ends while it lives.

A reserve whose answer never came may have made one. And a data set that was away and is here again brings
back what was open in it, though the call has been settled elsewhere meanwhile: such holds are looked for.
Each is ended without a charge; what its call did cost is known to the books under the same op.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from metering.event import CallMeta
from metering.lanes import Lanes
from metering.purse import Purse
from metering.unposted import Unposted
from metering.wish import released

ORPHAN_S: Final = 10.0  # so long an unanswered reserve may still be on its way
LOOK_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Orphan:
    meta: CallMeta
    n: int
    since_s: float


class Orphans:
    def __init__(
        self, *, purse: Purse, unposted: Unposted, lanes: Lanes, gateway_id: str, now_ms: Callable[[], int]
    ) -> None:
        self._purse = purse
        self._unposted = unposted
        self._lanes = lanes
        self._gateway_id = gateway_id
        self._now_ms = now_ms
        self._orphans: dict[str, _Orphan] = {}
        self._looked_s = 0.0

    def __len__(self) -> int:
        return len(self._orphans)

    def add(self, meta: CallMeta, n: int, now_s: float) -> None:
        self._orphans[meta.op] = _Orphan(meta, n, now_s)

    def forget(self, op: str) -> None:
        """The call is made again: a hold of that name is its own."""
        self._orphans.pop(op, None)

    async def end(self, now_s: float) -> None:
        """Raises PurseUnavailable; what is left then is for the next time."""
        for op, orphan in list(self._orphans.items()):
            meta, ref = orphan.meta, None
            if op in await self._purse.open_ops(lane=meta.lane, n=orphan.n, gateway_id=self._gateway_id):
                ref = await self._purse.find_hold(lane=meta.lane, n=orphan.n, op=op)
            elif now_s - orphan.since_s <= ORPHAN_S:
                continue
            if self._orphans.get(op) is not orphan:
                continue  # the call is made again, and the hold is its own
            del self._orphans[op]
            if ref is not None and ref.gateway_id == self._gateway_id and not self._is_known(meta.lane, op):
                event = released(meta, n=orphan.n, voucher=ref.voucher_id, now_ms=self._now_ms())
                self._unposted.add(event, hold=ref, tokens=0, now_s=now_s - ORPHAN_S)

    async def look(self, now_s: float) -> None:
        """Now and then: what is open in our name and belongs to no call. Raises PurseUnavailable.

        What is found is ended at the next tick, if it is open still.
        """
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        for lane in [lane for lane in self._lanes if lane.n]:
            number, n = lane.number, lane.n
            for op in await self._purse.open_ops(lane=number, n=n, gateway_id=self._gateway_id):
                if self._is_known(number, op):
                    continue
                call = await self._purse.open_call(lane=number, n=n, op=op)
                if call is not None and not self._is_known(number, op):
                    self.add(CallMeta.from_bytes(call.meta), n, now_s)

    def _is_known(self, lane: int, op: str) -> bool:
        running = op in self._lanes[lane].holds or op in self._orphans
        return running or (op, self._gateway_id) in self._unposted
