"""A purse of which some lanes do not answer, as on a cluster with a dead node."""

from __future__ import annotations

from metering.purse import EventKind, LogEntry, PurseUnavailable
from metering.purse_memory import MemoryPurse


class NodesAway(MemoryPurse):
    """Asks `away` in the verbs of those who go through all lanes."""

    away: frozenset[int] = frozenset()
    leases_away = False

    def _answers(self, lane: int) -> None:
        if lane in self.away:
            raise PurseUnavailable(f"lane {lane} is away")

    async def pop_acks(self, *, lane: int, gateway_id: str, count: int) -> list[str]:
        self._answers(lane)
        return await super().pop_acks(lane=lane, gateway_id=gateway_id, count=count)

    async def read_log(self, *, lane: int, count: int, after: str = "") -> list[LogEntry]:
        self._answers(lane)
        return await super().read_log(lane=lane, count=count, after=after)

    async def note(self, *, lane: int, kind: EventKind, op: str, n: int, event: bytes) -> str:
        self._answers(lane)
        return await super().note(lane=lane, kind=kind, op=op, n=n, event=event)

    async def open_ops(self, *, lane: int, n: int, gateway_id: str) -> list[str]:
        self._answers(lane)
        return await super().open_ops(lane=lane, n=n, gateway_id=gateway_id)

    async def epoch_here(self, lane: int) -> int | None:
        self._answers(lane)
        return await super().epoch_here(lane)

    async def lease_alive(self, gateway_id: str) -> bool:
        if self.leases_away:
            raise PurseUnavailable("its lease cannot be asked for")
        return await super().lease_alive(gateway_id)
