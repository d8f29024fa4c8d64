"""Where money lies: a lane is fixed for good, and all keys of one script share its hash tag."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering import keys

# These are promises: a company whose lane changed would find an empty purse, and its money in another.
LANES_FOR_GOOD = {
    "gaonde": 55,
    "": 0,
    "a": 3,
    "hanbit-labs": 52,
    "가온데이터": 13,
}


@pytest.mark.parametrize(("company", "lane"), LANES_FOR_GOOD.items())
def test_the_lane_of_a_company_never_changes(company: str, lane: int) -> None:
    assert keys.lane_of(company) == lane


def test_the_number_of_lanes_never_changes() -> None:
    assert keys.LANES == 64


@given(st.text(st.characters(codec="utf-8")))
def test_every_company_has_a_lane(company: str) -> None:
    assert 0 <= keys.lane_of(company) < keys.LANES


def test_lanes_are_used_evenly() -> None:
    used = [keys.lane_of(f"company-{number}") for number in range(6_400)]
    loads = [used.count(lane) for lane in range(keys.LANES)]
    assert min(loads) > 50
    assert max(loads) < 170


def test_the_names_as_documented() -> None:
    assert [
        keys.epoch(7),
        keys.log(7),
        keys.voucher(7, 3, "v"),
        keys.hold(7, 3, "op"),
        keys.open_ops(7, 3, "g"),
        keys.api_key(7, 3, "company/name"),
        keys.acks(7, "g"),
        keys.lease("g"),
    ] == [
        "{7}:epoch",
        "{7}:log",
        "{7}:3:v:v",
        "{7}:3:h:op",
        "{7}:3:g:g",
        "{7}:3:k:company/name",
        "{7}:ack:g",
        "gw:g",
    ]


@given(st.text(), st.integers(0, 63), st.integers(1, 10**6))
def test_no_name_moves_a_key_to_another_slot(name: str, lane: int, n: int) -> None:
    """Redis hashes what stands between the first { and the next }: ours come first, whatever is named."""
    for key in (
        keys.voucher(lane, n, name),
        keys.hold(lane, n, name),
        keys.open_ops(lane, n, name),
        keys.api_key(lane, n, name),
        keys.acks(lane, name),
    ):
        tag = re.match(r"\{([^}]*)\}", key)
        assert tag is not None
        assert tag[1] == str(lane)
