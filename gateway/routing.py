"""Which of a product's upstreams are tried, in which order. Pure: health, clock and chance are handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from providers.catalogue import UpstreamTarget


class HealthBook(Protocol):
    def is_healthy(self, target_id: str, now_s: float) -> bool: ...
    def success(self, target_id: str) -> None: ...
    def failure(self, target_id: str, now_s: float) -> None: ...


class Routing:
    """What everybody who asks a vendor goes by, and tells of how it went."""

    def __init__(
        self, health: HealthBook, *, now_s: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        self._health = health
        self._now_s = now_s
        self._chance = chance

    def order(self, targets: Sequence[UpstreamTarget]) -> list[UpstreamTarget]:
        """The healthy by priority, within it by weighted chance; the ailing last, rather than nothing."""
        if len(targets) < 2:
            return list(targets)
        now_s = self._now_s()
        healthy: list[UpstreamTarget] = []
        ailing: list[UpstreamTarget] = []
        for target in targets:
            (healthy if self._health.is_healthy(target.target_id, now_s) else ailing).append(target)
        return [*self._by_priority(healthy), *self._by_priority(ailing)]

    def success(self, target: UpstreamTarget) -> None:
        self._health.success(target.target_id)

    def failure(self, target: UpstreamTarget) -> None:
        self._health.failure(target.target_id, self._now_s())

    def _by_priority(self, targets: list[UpstreamTarget]) -> list[UpstreamTarget]:
        # A weighted shuffle: each draws u^(1/weight), the largest goes first.
        drawn = {target.target_id: self._chance() ** (1.0 / max(1, target.weight)) for target in targets}
        return sorted(targets, key=lambda target: (target.priority, -drawn[target.target_id]))
