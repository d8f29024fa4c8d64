"""The line of a voucher: steps sum exactly, and its capacity is the farthest point both sources can pay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.money import AMOUNT_MICRO_MAX
from metering.shares import SHARE_ONE_PPM, Capacity, Source, capacity, government_micro, split_micro

WON = 1_000_000

shares_ppm = st.integers(0, SHARE_ONE_PPM) | st.sampled_from(
    (0, 1, 500_000, 700_000, 750_000, 999_999, 10**6)
)
small = st.integers(0, 400) | st.integers(0, AMOUNT_MICRO_MAX // 2)


@pytest.mark.parametrize(
    ("total_won", "share_ppm", "government_won", "self_won"),
    [
        (1_800_000, 700_000, 1_260_000, 540_000),
        (15_500_000, 800_000, 12_400_000, 3_100_000),
        (100, 750_000, 75, 25),
        (0, 750_000, 0, 0),
        (100, 1_000_000, 100, 0),
        (100, 0, 0, 100),
        (300_000_000, 960_000, 288_000_000, 12_000_000),
    ],
)
def test_worked_examples(total_won: int, share_ppm: int, government_won: int, self_won: int) -> None:
    assert split_micro(0, total_won * WON, share_ppm) == (government_won * WON, self_won * WON)


def test_the_split_of_one_call() -> None:
    """0.215 won at 75 %, the example of the usage record."""
    assert split_micro(0, 215_000, 750_000) == (161_250, 53_750)


def test_a_single_step_may_be_a_micro_won_off_and_the_sum_is_not() -> None:
    steps = [split_micro(at, at + 1, 750_000) for at in range(4)]
    assert steps == [(0, 1), (1, 0), (1, 0), (1, 0)]
    assert sum(government for government, _ in steps) == 3


@given(st.lists(st.integers(0, 10**9), max_size=40), shares_ppm)
def test_steps_sum_to_the_split_of_the_whole(charges: list[int], share_ppm: int) -> None:
    at = government = own = 0
    for charge in charges:
        step = split_micro(at, at + charge, share_ppm)
        assert sum(step) == charge
        assert min(step) >= 0, "both lines rise"
        at, government, own = at + charge, government + step[0], own + step[1]
    assert (government, own) == split_micro(0, sum(charges), share_ppm)


@given(st.integers(0, 10**9), st.integers(0, 10**9), shares_ppm)
def test_a_correction_is_a_step_back(before: int, after: int, share_ppm: int) -> None:
    there, back = split_micro(before, after, share_ppm), split_micro(after, before, share_ppm)
    assert (there[0] + back[0], there[1] + back[1]) == (0, 0)


@pytest.mark.parametrize(
    ("grant", "deposit", "share_ppm", "total", "stopped_by"),
    [
        (75, 25, 750_000, 100, "government"),  # both end there: the voucher is used up
        (7_500_000 * WON, 2_500_000 * WON, 750_000, 10_000_000 * WON, "government"),
        (75, 1_000, 750_000, 101, "government"),  # floor(101 x 0.75) is still 75
        (75, 10, 750_000, 40, "self"),
        (75, 0, 750_000, 0, "self"),
        (0, 100, 750_000, 1, "government"),
        (0, 0, 750_000, 0, "government"),
        (100, 0, 1_000_000, 100, "government"),
        (100, 50, 1_000_000, 100, "government"),
        (0, 70, 0, 70, "government"),  # nothing is granted and nothing is asked of the grant
        (1_260_000 * WON, 540_000 * WON, 700_000, 1_800_000 * WON, "government"),
        (12_400_000 * WON, 3_100_000 * WON, 800_000, 15_500_000 * WON, "government"),
    ],
)
def test_capacities(grant: int, deposit: int, share_ppm: int, total: int, stopped_by: Source) -> None:
    found = capacity(grant_micro=grant, deposit_micro=deposit, share_ppm=share_ppm)
    assert found == Capacity(total, stopped_by)


@given(small, small, shares_ppm)
def test_the_capacity_is_the_largest_total_that_fits(grant: int, deposit: int, share_ppm: int) -> None:
    found = capacity(grant_micro=grant, deposit_micro=deposit, share_ppm=share_ppm)
    government, own = split_micro(0, found.total_micro, share_ppm)
    assert government <= grant
    assert own <= deposit
    government, own = split_micro(0, found.total_micro + 1, share_ppm)
    assert government > grant or own > deposit, "one more micro-won fits neither"


@given(small, small, shares_ppm)
def test_the_source_that_stops_is_the_one_that_is_empty(grant: int, deposit: int, share_ppm: int) -> None:
    found = capacity(grant_micro=grant, deposit_micro=deposit, share_ppm=share_ppm)
    government, _ = split_micro(0, found.total_micro, share_ppm)
    if found.stopped_by == "government":
        assert government == grant
    else:
        assert government < grant
        assert split_micro(0, found.total_micro + 1, share_ppm)[1] > deposit


@given(st.integers(0, AMOUNT_MICRO_MAX), shares_ppm)
def test_the_governments_part_is_rounded_down(total: int, share_ppm: int) -> None:
    part = government_micro(total, share_ppm)
    assert part * SHARE_ONE_PPM <= total * share_ppm < (part + 1) * SHARE_ONE_PPM
