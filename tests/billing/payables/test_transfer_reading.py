"""Of what Stripe says of transfers, what is read: nothing that is not ours, nothing of another type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payables.stripe_reading import read_transfer, takes_transfers

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
GOOD = {
    "id": "tr_1",
    "amount": 10,
    "amount_reversed": 0,
    "reversed": False,
    "currency": "krw",
    "transfer_group": "po-000001",
    "metadata": {"payout": "po-000001"},
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ["paid"]),
        ({"amount_reversed": 9}, ["paid"]),
        ({"metadata": {"payout": "po-000002"}}, None),
        ({"metadata": {}}, None),
        ({"metadata": []}, None),
        ({"transfer_group": None}, None),
        ({"currency": "usd"}, None),
        ({"amount": True}, None),
        ({"amount": 10.0}, None),
        ({"amount_reversed": 11}, None),
        ({"id": 7}, None),
    ],
)
def test_a_transfer_is_read(changed: dict[str, object], words: list[str] | None) -> None:
    read = read_transfer(GOOD | changed)
    assert (None if read is None else [one.word for one in read.told()]) == words


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"amount": 10}, ("returned", "tr_1", 0)),
        ({}, ("reversed", "trr_1", 9)),
        ({"transfer": "tr_2"}, None),
        ({"currency": "usd"}, None),
        ({"amount": True}, None),
        ({"amount": 0}, None),
        ({"id": "tr_1"}, None),
    ],
)
def test_a_reversal_is_read(changed: dict[str, object], told: tuple[str, str, int] | None) -> None:
    read = read_transfer(GOOD)
    assert read is not None
    reversal = {"id": "trr_1", "amount": 9, "currency": "krw", "transfer": "tr_1"} | changed
    found = [(one.word, one.ref, one.won) for one in read.told([reversal])[1:]]
    assert found == ([] if told is None else [told])


@given(ANYTHING, ANYTHING)
def test_any_json_is_read_or_left(value: object, other: object) -> None:
    for name in GOOD:
        read_transfer(GOOD | {name: value})
    assert takes_transfers({"capabilities": value, "deleted": other}) in (True, False)
