"""Which of a product's upstreams are tried, in which order. Pure: health and chance are handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from providers.catalogue import UpstreamTarget


def order(
    targets: Sequence[UpstreamTarget],
    *,
    is_healthy: Callable[[str], bool],
    chance: Callable[[], float],
) -> list[UpstreamTarget]:
    """The healthy ones by priority, within it by weighted chance; the ailing last, rather than nothing."""
    if len(targets) == 1:
        return [targets[0]]
    healthy = [target for target in targets if is_healthy(target.target_id)]
    ailing = [target for target in targets if not is_healthy(target.target_id)]
    return [*_by_priority(healthy, chance), *_by_priority(ailing, chance)]


def _by_priority(targets: list[UpstreamTarget], chance: Callable[[], float]) -> list[UpstreamTarget]:
    # A weighted shuffle: each draws u^(1/weight), the largest goes first.
    drawn = {target.target_id: chance() ** (1.0 / max(1, target.weight)) for target in targets}
    return sorted(targets, key=lambda target: (target.priority, -drawn[target.target_id]))
