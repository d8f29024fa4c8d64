"""What the sweeper ends is a dead gateway's, and no longer the call of another that makes it again."""

from __future__ import annotations

from metering.directory import KeyLimits
from metering.purse import Extended, Gone, Limited, Over, Settled, Short
from tests.fakes.purse_talk import PurseTalk, granted


def test_an_open_hold_goes_over_to_the_gateway_that_makes_the_call_again(talk: PurseTalk) -> None:
    """Its first gateway is dead, and the sweeper must not end the second try's hold with the dead one's."""
    talk.begin(1, limit=100)
    first = talk.reserve(1, "a", 40, gateway="dead")
    assert talk.reserve(1, "a", 40) == first
    assert (talk.open_ops(1, gateway="dead"), talk.open_ops(1)) == ([], ["a"])
    assert isinstance(talk.settle(1, "a", 30), Settled)
    assert talk.balance(1) == (100, 30, 0)
    assert talk.open_ops(1) == []


def test_who_swept_a_dead_gateways_list_too_late_ends_no_hold_of_another(talk: PurseTalk) -> None:
    """It reads the list first, then sweeps one call after the other: one may have been taken over."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="dead")
    assert talk.open_ops(1, gateway="dead") == ["a"]
    talk.reserve(1, "a", 40)
    assert talk.sweep(1, "a", gateway="dead") == Gone()
    assert (talk.balance(1), talk.open_ops(1)) == ((100, 0, 40), ["a"])
    assert isinstance(talk.settle(1, "a", 30), Settled)
    assert (talk.balance(1), talk.open_ops(1)) == ((100, 30, 0), [])


def test_who_lost_a_hold_to_another_gateway_hears_that_it_is_gone(talk: PurseTalk) -> None:
    """It slept, or had lost the books: it must not go on with a call that another makes by now."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="slow")
    talk.reserve(1, "a", 40)
    assert talk.extend(1, "a", 0, gateway="slow") == Gone()
    assert talk.extend(1, "a", 90, floor=30, gateway="slow") == Gone()
    assert talk.balance(1) == (100, 0, 40)
    assert talk.extend(1, "a", 60, floor=5) == Extended(60)
    talk.sweep(1, "a")
    assert talk.balance(1) == (100, 5, 0), "at what its own gateway gave"


def test_a_call_made_again_after_a_sweep_without_a_charge_is_held_for_again(talk: PurseTalk) -> None:
    """Else it would run with no hold at all, and its charge come on top of what others hold by then."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="dead")
    talk.sweep(1, "a", gateway="dead")
    assert talk.balance(1) == (100, 0, 0)
    assert talk.reserve(1, "b", 70) != Short("v", 0, 0)
    assert talk.reserve(1, "a", 40) == Short("v", 30, 70)
    talk.settle(1, "b", 10)
    assert granted(talk.reserve(1, "a", 40)) == 40
    assert talk.balance(1) == (100, 10, 40)
    assert isinstance(talk.settle(1, "a", 25), Settled)
    assert talk.balance(1) == (100, 35, 0)


def test_a_call_made_again_after_a_sweep_with_a_charge_is_over(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="dead")
    talk.extend(1, "a", 0, floor=15, gateway="dead")
    talk.sweep(1, "a", gateway="dead")
    assert talk.reserve(1, "a", 40) == Over(), "it would run with no hold, and be charged on top"
    assert talk.balance(1) == (100, 15, 0)


def test_a_call_that_is_made_again_counts_its_tokens_once(talk: PurseTalk) -> None:
    limits = KeyLimits(tokens_per_minute=1000)
    talk.begin(1, limit=100)
    for again in range(12):
        gateway = f"g{again}"
        assert granted(talk.reserve(1, "a", 1, limits=limits, tokens=100, gateway=gateway)) == 1
        talk.settle(1, "a", 0, tokens=90, gateway=gateway)
    assert isinstance(talk.reserve(1, "b", 1, limits=limits, tokens=911), Limited)
    assert granted(talk.reserve(1, "b", 1, limits=limits, tokens=910)) == 1
