"""Which module of the suite a process begins next."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.order import RACES, next_for

QUEUE = (
    RACES,
    "tests/launch/test_up.py",
    "tests/simulation/test_mutants.py",
    "tests/billing/test_house.py",
    "tests/portal/test_office.py",
)


@pytest.mark.parametrize(
    ("place", "processes", "waiting", "begins"),
    [
        (0, 3, QUEUE, RACES),
        (1, 3, QUEUE[1:], "tests/launch/test_up.py"),
        (1, 3, QUEUE[2:], "tests/simulation/test_mutants.py"),
        (2, 3, QUEUE, "tests/billing/test_house.py"),
        (2, 3, QUEUE[:3], RACES),
        (2, 3, QUEUE[1:3], "tests/launch/test_up.py"),
        (1, 2, QUEUE[1:], "tests/launch/test_up.py"),
        (0, 1, QUEUE, RACES),
    ],
)
def test_one_of_three_fills_what_houses_leave(
    place: int, processes: int, waiting: Sequence[str], begins: str
) -> None:
    assert next_for(place, range(processes), waiting) == begins
