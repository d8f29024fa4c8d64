"""The share of a day, and the deposit that goes with a grant."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.lifecycle.shares import DatedShare, self_share_micro, share_on
from billing.lifecycle.table import Refused
from metering.shares import capacity

DATED = [
    DatedShare("sme", date(2026, 4, 1), 700_000),
    DatedShare("sme", date(2026, 7, 1), 600_000),
    DatedShare("startup", date(2026, 1, 1), 900_000),
]


@pytest.mark.parametrize(
    ("day", "class_name", "share_ppm"),
    [
        (date(2026, 3, 31), "sme", 750_000),
        (date(2026, 4, 1), "sme", 700_000),
        (date(2026, 6, 30), "sme", 700_000),
        (date(2026, 12, 1), "sme", 600_000),
        (date(2026, 1, 1), "startup", 900_000),
    ],
)
def test_the_latest_share_that_has_begun_holds(day: date, class_name: str, share_ppm: int) -> None:
    declared_ppm = 750_000 if class_name == "sme" else None
    assert share_on(day, class_name, declared_ppm=declared_ppm, dated=DATED) == share_ppm


def test_a_class_without_a_share_is_refused() -> None:
    with pytest.raises(Refused, match="no share for the class midsize"):
        share_on(date(2026, 5, 1), "midsize", declared_ppm=None, dated=DATED)


@given(st.integers(0, 10**14), st.integers(1, 1_000_000))
def test_the_deposit_lets_the_whole_grant_be_spent(government_micro: int, share_ppm: int) -> None:
    deposit = self_share_micro(government_micro, share_ppm)
    line = capacity(grant_micro=government_micro, deposit_micro=deposit, share_ppm=share_ppm)
    assert line.total_micro * share_ppm // 1_000_000 == government_micro


def test_worked_examples() -> None:
    assert self_share_micro(1_260_000, 700_000) == 540_000
    assert self_share_micro(12_400_000, 800_000) == 3_100_000
    assert self_share_micro(5, 1_000_000) == 0
    assert self_share_micro(5, 0) == 0
