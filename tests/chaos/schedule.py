"""Which fault strikes when: from a seed, before anything runs. Pure.

Each killed role has a lane of its own with a blow about every nine seconds, so that the lanes overlap as they
like; all other kinds share one lane, in which they follow one another, each kind equally often.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

KILLS: Final = ("kill gateway", "kill valkey", "kill postgres", "kill worker")
KILL_EVERY_S: Final = 9.0  # per role: about 200 in half an hour
OTHER_EVERY_S: Final = 9.0
CALM_S: Final = 3.0  # at the start, before the first blow
OTHERS: Final = (
    "stop gateway",
    "stop gateway beyond its lease",
    "stop valkey",
    "stop postgres",
    "stop worker",
    "stop vendor",
    "cut valkey",
    "cut postgres",
    "cut vendor",
    "stall valkey",
    "stall postgres",
    "stall vendor",
    "swallow valkey",
    "disk full",
    "flush valkey",
    "truncate aof by 100 bytes",
    "truncate aof at a command",
    "stale snapshot",
    "fail over to a replica",
    "fail over to a replica that lags",
)


@dataclass(frozen=True, slots=True)
class Blow:
    """`after_s` from the end of the blow before it in the same lane; `lasts_s` where a fault has a length."""

    kind: str
    target: str
    after_s: float
    lasts_s: float


class Missed(Exception):
    """What was to be struck did not come up in time, or went down before it was struck."""


def lanes(*, seed: int, gateways: int, kinds: tuple[str, ...] = OTHERS) -> dict[str, Iterator[Blow]]:
    """Endless sequences, one per lane. The same seed gives the same blows."""
    made = {kind: _kills(kind, random.Random(f"{seed}/{kind}"), gateways) for kind in KILLS}
    if kinds:
        made["others"] = _others(random.Random(f"{seed}/others"), gateways, kinds)
    return made


def _kills(kind: str, dice: random.Random, gateways: int) -> Iterator[Blow]:
    while True:
        role = kind.removeprefix("kill ")
        target = f"gateway-{dice.randrange(gateways)}" if role == "gateway" else role
        yield Blow(kind, target, after_s=KILL_EVERY_S * dice.uniform(0.6, 1.3), lasts_s=0.0)


def _others(dice: random.Random, gateways: int, kinds: tuple[str, ...]) -> Iterator[Blow]:
    while True:
        for kind in dice.sample(kinds, len(kinds)):
            target = kind.split()[1] if kind.split()[0] in ("stop", "cut", "stall", "swallow") else "valkey"
            if target == "gateway":
                target = f"gateway-{dice.randrange(gateways)}"
            if kind == "disk full":
                target = "disk"
            lasts_s = dice.uniform(12.0, 24.0) if "beyond" in kind else dice.uniform(0.5, 3.0)
            yield Blow(kind, target, after_s=OTHER_EVERY_S * dice.uniform(0.3, 1.0), lasts_s=lasts_s)
