"""Amounts as text: what is taken, what is refused, and that nothing is lost on the way through."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.money import AMOUNT_MICRO_MAX, AmountError, format_krw, parse_krw

amounts = st.integers(-AMOUNT_MICRO_MAX, AMOUNT_MICRO_MAX)


@pytest.mark.parametrize(
    ("value", "micro", "shown"),
    [
        (0, 0, "0"),
        ("0.000000", 0, "0"),
        ("-0", 0, "0"),
        (75, 75_000_000, "75"),
        ("0.215", 215_000, "0.215"),
        ("0.16125", 161_250, "0.16125"),
        ("12.345678", 12_345_678, "12.345678"),
        ("0.000001", 1, "0.000001"),
        ("-0.5", -500_000, "-0.5"),
        ("7500000", 7_500_000_000_000, "7500000"),
        ("1.10", 1_100_000, "1.1"),
        ("007.5", 7_500_000, "7.5"),
        ("0.0000010", 1, "0.000001"),
        (300_000_000, 3 * 10**14, "300000000"),
        ("9007199254.740991", AMOUNT_MICRO_MAX, "9007199254.740991"),
    ],
)
def test_amounts(value: int | str, micro: int, shown: str) -> None:
    assert parse_krw(value) == micro
    assert format_krw(micro) == shown


REFUSED: list[tuple[Any, str]] = [
    (1.5, "never a float"),
    (1.0, "never a float"),
    (True, "never a float"),
    (None, "never a float"),
    (b"1", "never a float"),
    (Decimal("1"), "never a float"),
    ("", "not an amount"),
    ("won", "not an amount"),
    ("1,000", "not an amount"),
    ("12 34", "not an amount"),
    ("0x10", "not an amount"),
    ("0.0000001", "six decimal places"),
    ("NaN", "not an amount"),
    ("Infinity", "not an amount"),
    ("1e3", "not an amount"),
    ("1e999999999", "not an amount"),
    ("1_000", "not an amount"),
    ("１０", "not an amount"),
    (" 1", "not an amount"),
    ("1\n", "not an amount"),
    ("+1", "not an amount"),
    (".5", "not an amount"),
    ("5.", "not an amount"),
    ("--5", "not an amount"),
    ("9007199254.740992", "below"),
    (9_007_199_255, "below"),
    (-9_007_199_255, "below"),
    ("1" * 32, "below"),
    ("1" * 33, "32 characters"),
    ("1.00000000000000000000000000001", "six decimal places"),
]


@pytest.mark.parametrize(("value", "why"), REFUSED, ids=[repr(value) for value, _ in REFUSED])
def test_refused(value: Any, why: str) -> None:
    with pytest.raises(AmountError, match=why):
        parse_krw(value)


@given(amounts)
def test_an_amount_comes_back_as_itself(micro: int) -> None:
    text = format_krw(micro)
    assert parse_krw(text) == micro
    assert "e" not in text.lower()
    assert not ("." in text and text.endswith("0"))
    assert format_krw(-micro) == ("0" if micro == 0 else text.removeprefix("-") if micro < 0 else f"-{text}")


@given(st.text(max_size=40) | st.from_regex(r"\A-?[0-9]{0,12}\.?[0-9]{0,9}\Z"))
def test_text_is_an_amount_or_is_refused(text: str) -> None:
    try:
        micro = parse_krw(text)
    except AmountError:
        return
    assert abs(micro) <= AMOUNT_MICRO_MAX
    assert Decimal(text).scaleb(6) == micro
