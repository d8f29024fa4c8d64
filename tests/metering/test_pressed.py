"""Who goes on, who waits and who gives up where a voucher's money is nearly gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from metering.pressed import MISSING_S, NEXT_S, WAIT_MAX_S, Pressed
from metering.purse import HoldRef
from metering.wish import Held
from tests.fakes.books_world import META, VOUCHER
from tests.fakes.meter_world import voucher

PATIENCE_S = 5.0
STILL = (0, 100)  # available and held


def call(op: str, *, granted: int = 10, want: int = 100, grows: bool = True, n: int = 1) -> Held:
    ref = HoldRef(3, n, op, VOUCHER, "k", "g")
    return Held(ref, META, voucher(VOUCHER), granted, 0, want, grows)


@pytest.fixture
def pressed() -> Pressed:
    return Pressed(patience_s=PATIENCE_S)


@pytest.fixture
def waits(pressed: Pressed) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def begin(pressed: Pressed, *calls: Held) -> tuple[Held, ...]:
    for held in calls:
        pressed.begin(held)
    return calls


def test_the_first_is_the_eldest_that_still_grows(pressed: Pressed) -> None:
    whole, eldest, second = begin(pressed, call("a", granted=100), call("b"), call("c"))
    fixed, other = begin(pressed, call("d", grows=False), call("e", n=2))
    assert [pressed.is_first(held) for held in (whole, eldest, second, fixed)] == [False, True, False, False]
    assert pressed.is_first(other), "of its own epoch"
    eldest.granted_micro = eldest.want_micro
    assert pressed.is_first(second), "who has its whole ceiling asks for nothing any more"
    pressed.end(second)
    assert pressed.is_first(call("f")), "nobody else is there"


def test_while_others_run_nobody_gives_up(pressed: Pressed, waits: ExitStack) -> None:
    running, waiting = begin(pressed, call("a"), call("b"))
    waits.enter_context(pressed.waiting(waiting))
    assert not pressed.gives_up(waiting, money=STILL, since_s=0, now_s=PATIENCE_S + 1)
    waits.enter_context(pressed.waiting(running))
    assert not pressed.gives_up(waiting, money=STILL, since_s=0, now_s=PATIENCE_S + 2), "a moment ago"
    assert pressed.gives_up(waiting, money=STILL, since_s=0, now_s=2 * PATIENCE_S + 2)


def test_as_long_as_money_moves_nobody_gives_up(pressed: Pressed, waits: ExitStack) -> None:
    (waiting,) = begin(pressed, call("a"))
    waits.enter_context(pressed.waiting(waiting))
    for step in range(5):
        now_s = step * (PATIENCE_S - 1)
        assert not pressed.gives_up(waiting, money=(0, 100 + step), since_s=0, now_s=now_s)
    assert not pressed.gives_up(waiting, money=(0, 104), since_s=0, now_s=now_s + PATIENCE_S - 0.1)
    assert pressed.gives_up(waiting, money=(0, 104), since_s=0, now_s=now_s + PATIENCE_S)


def test_the_youngest_gives_up_and_the_others_are_offered_what_it_leaves(
    pressed: Pressed, waits: ExitStack
) -> None:
    eldest, second, youngest = begin(pressed, call("a"), call("b"), call("c"))
    for held in (eldest, second, youngest):
        waits.enter_context(pressed.waiting(held))
        pressed.gives_up(held, money=STILL, since_s=0, now_s=0)
    now_s = PATIENCE_S
    ends = [
        pressed.gives_up(held, money=STILL, since_s=0, now_s=now_s) for held in (eldest, second, youngest)
    ]
    assert ends == [False, False, True]
    pressed.end(youngest)
    assert not pressed.gives_up(second, money=STILL, since_s=0, now_s=now_s + NEXT_S / 2)
    assert pressed.gives_up(second, money=STILL, since_s=0, now_s=now_s + NEXT_S)
    waits.close()
    with pressed.waiting(eldest):
        assert not pressed.gives_up(eldest, money=STILL, since_s=10, now_s=10 + NEXT_S), "anew, as patient"


def test_what_a_missing_gateway_holds_is_waited_for(pressed: Pressed, waits: ExitStack) -> None:
    (waiting,) = begin(pressed, call("a"))
    waits.enter_context(pressed.waiting(waiting))
    pressed.somebody_is_missing = True
    assert not pressed.gives_up(waiting, money=STILL, since_s=0, now_s=1)
    assert not pressed.gives_up(waiting, money=STILL, since_s=0, now_s=MISSING_S)
    assert pressed.gives_up(waiting, money=STILL, since_s=0, now_s=MISSING_S + 1)


def test_nobody_waits_for_ever(pressed: Pressed, waits: ExitStack) -> None:
    _, waiting = begin(pressed, call("a"), call("b"))
    waits.enter_context(pressed.waiting(waiting))
    assert not pressed.gives_up(waiting, money=STILL, since_s=0, now_s=WAIT_MAX_S - 1)
    assert pressed.gives_up(waiting, money=STILL, since_s=0, now_s=WAIT_MAX_S)


def test_calls_begin_only_where_nobody_waits(pressed: Pressed) -> None:
    (held,) = begin(pressed, call("a"))
    assert not pressed.is_any([VOUCHER], 1)
    with pressed.waiting(held):
        assert pressed.is_any(["another", VOUCHER], 1)
        assert not pressed.is_any([VOUCHER], 2)
        assert not pressed.is_any(["another"], 1)
    assert not pressed.is_any([VOUCHER], 1)


def test_what_is_over_is_forgotten(pressed: Pressed) -> None:
    for held in begin(pressed, call("a"), call("b")):
        pressed.end(held)
    assert pressed._calls == {}
