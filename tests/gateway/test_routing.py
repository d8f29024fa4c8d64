"""In which order a product's upstreams are tried."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway.routing import Routing
from providers.catalogue import UpstreamTarget


def target(name: str, *, priority: int = 1, weight: int = 1) -> UpstreamTarget:
    return UpstreamTarget(
        target_id=name,
        dialect="openai",
        vendor=None,
        base_url="https://vendor.example/v1",
        model="m",
        api_key=None,
        priority=priority,
        weight=weight,
    )


@dataclass
class Ailing:
    """gateway.routing.HealthBook"""

    names: list[str]

    def is_healthy(self, target_id: str, _: float) -> bool:
        return target_id not in self.names

    def success(self, target_id: str) -> None:
        self.names.remove(target_id)

    def failure(self, target_id: str, _: float) -> None:
        self.names.append(target_id)


def tried(*targets: UpstreamTarget, ailing: str = "", chance: Callable[[], float] = lambda: 0.5) -> list[str]:
    routing = Routing(Ailing(ailing.split()), now_s=lambda: 0.0, chance=chance)
    return [target.target_id for target in routing.order(targets)]


def test_priority_goes_before_weight() -> None:
    a, b, c = target("a", priority=2, weight=100), target("b", priority=1), target("c", priority=3)
    assert tried(a, b, c) == ["b", "a", "c"]


def test_the_ailing_come_last_in_their_own_order() -> None:
    a, b, c, d = (target(name, priority=i) for i, name in enumerate("abcd"))
    assert tried(a, b, c, d, ailing="a b") == ["c", "d", "a", "b"]
    assert tried(a, b, ailing="a b") == ["a", "b"], "rather than nothing"


def test_one_alone_is_tried_whatever_its_health() -> None:
    assert tried(target("a"), ailing="a") == ["a"]


def test_among_equals_the_larger_draw_goes_first() -> None:
    draws = iter([0.2, 0.9])
    assert tried(target("a"), target("b"), chance=lambda: next(draws)) == ["b", "a"]


def test_weights_are_shares_of_the_first_place() -> None:
    seed = random.Random(7)
    heavy, light, none = target("heavy", weight=3), target("light"), target("none", weight=0)
    first = [tried(heavy, light, chance=seed.random)[0] for _ in range(2000)]
    assert 0.71 < first.count("heavy") / 2000 < 0.79
    assert sorted(tried(heavy, light, none, chance=lambda: 0.0)) == ["heavy", "light", "none"]
