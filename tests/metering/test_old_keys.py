"""What is over in an old epoch is not kept: a call that settled late ends like any other."""

from __future__ import annotations

from metering import keys
from metering.purse import Late
from tests.fakes.purse_talk import LANE, PurseTalk


def test_a_call_that_settled_late_is_over(talk: PurseTalk) -> None:
    """Nobody has to sweep it, and its record gets its hour."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.two.restart()
    assert isinstance(talk.settle(1, "a", 30), Late)
    assert talk.open_ops(1) == []
    left_ms = talk.two.command("PTTL", keys.hold(LANE, 1, "a"))
    assert isinstance(left_ms, int)
    assert 3_500_000 < left_ms <= 3_600_000
