"""What a call costs: rounded once, half up; and never more than the ceiling that was held for it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from metering.money import AMOUNT_MICRO_MAX, format_krw, parse_krw
from metering.prices import TOKEN_PRICE_DEFAULTS, PriceEntry, entry_at
from metering.usage import TOKENS_MAX, UNITS, Usage, usage_from_totals

WON = 1_000_000


def entry(from_ms: int = 0, **prices: Any) -> PriceEntry:
    """Prices in micro-won per million tokens, or per unit."""
    return PriceEntry("p@2026", "2026-01-01T00:00:00+09:00", from_ms, **prices)


CONTRACT = entry(
    input=1_250 * WON,
    cached_input=625 * WON,
    cache_write=1_250 * WON,
    cache_write_1h=2_500 * WON,
    output=5_000 * WON,
    input_audio=40_000 * WON,
    output_audio=80_000 * WON,
)


# fmt: off
CHARGES = [
    (CONTRACT, Usage(input=12, output=40), "0.215"),
    (CONTRACT, Usage(output=40, reasoning=40), "0.2"),  # reasoning is a part of output, not on top of it
    (CONTRACT, Usage(input=1_000_000), "1250"),
    (CONTRACT, Usage(cached_input=8), "0.005"),
    (CONTRACT, Usage(cache_write=4, cache_write_1h=4), "0.015"),
    (CONTRACT, Usage(input_audio=1, output_audio=1), "0.12"),
    (CONTRACT, Usage(), "0"),
    (entry(output=1), Usage(output=499_999), "0"),         # below half a micro-won
    (entry(output=1), Usage(output=500_000), "0.000001"),  # half: up
    (entry(output=1), Usage(output=1_499_999), "0.000001"),
    (entry(input=1, output=1), Usage(input=250_000, output=250_000), "0.000001"),  # once, not per class
    (entry(per_request=WON // 2), Usage(), "0.5"),
    (entry(per_image=40 * WON), Usage(units={"images": 3}), "120"),
    (entry(per_second=WON), Usage(units={"seconds": 61}), "61"),
    (entry(per_1000_characters=15 * WON), Usage(units={"characters": 1}), "0.015"),
    (entry(per_1000_characters=15 * WON), Usage(units={"characters": 2_500}), "37.5"),
    (entry(per_search=10 * WON), Usage(units={"searches": 2}), "20"),
    (CONTRACT, Usage(units={"images": 9}), "0"),
]
# fmt: on


@pytest.mark.parametrize(("prices", "usage", "won"), CHARGES)
def test_charges(prices: PriceEntry, usage: Usage, won: str) -> None:
    assert format_krw(prices.charge_micro(usage)) == won


def test_whole_won_prices_never_round() -> None:
    prices = entry(input=1_250 * WON, output=5_001 * WON)
    for tokens in (1, 7, 999_999):
        assert prices.charge_micro(Usage(input=tokens, output=tokens)) == tokens * (1_250 + 5_001)


token_prices = st.integers(0, 3 * 10**6) | st.integers(0, 200_000 * WON)
price_entries = st.builds(
    entry,
    **{
        name: token_prices
        for name in ("input", "cached_input", "cache_write", "cache_write_1h", "output", "input_audio")
    },
    output_audio=token_prices,
    per_request=st.integers(0, 100 * WON),
    per_image=st.integers(0, 100 * WON),
    per_second=st.integers(0, 100 * WON),
    per_1000_characters=st.integers(0, 100 * WON),
    per_search=st.integers(0, 100 * WON),
)
counts = st.integers(0, 300_000)
usages = st.builds(
    usage_from_totals,
    input_total=counts,
    output_total=counts,
    cached_input=counts,
    cache_write=counts,
    cache_write_1h=counts,
    reasoning=counts,
    input_audio=counts,
    output_audio=counts,
    units=st.fixed_dictionaries({}, optional={name: st.integers(0, 5_000) for name in UNITS}),
)


@given(price_entries, usages, st.integers(0, 100), st.integers(0, 100))
def test_no_charge_within_the_bounds_passes_the_ceiling(
    prices: PriceEntry, usage: Usage, input_room: int, output_room: int
) -> None:
    ceiling = prices.ceiling_micro(
        input_tokens_max=usage.input_total + input_room,
        output_tokens_max=usage.output_total + output_room,
    )
    assert 0 <= prices.charge_micro(usage) <= ceiling + prices.units_micro(usage.units)


@given(price_entries, usages)
def test_a_charge_is_the_exact_sum_rounded_once(prices: PriceEntry, usage: Usage) -> None:
    names = [name for name in usage.tokens() if name != "reasoning"]
    exact = sum(getattr(prices, name) * getattr(usage, name) for name in names)
    units = {name: usage.units.get(name, 0) for name in UNITS}
    exact += (prices.per_request + prices.per_image * units["images"]) * 10**6
    exact += (prices.per_second * units["seconds"] + prices.per_search * units["searches"]) * 10**6
    exact += prices.per_1000_characters * units["characters"] * 1000
    charge = prices.charge_micro(usage)
    assert -500_000 < charge * 10**6 - exact <= 500_000, "half a micro-won goes up"


@given(price_entries, usages, st.integers(0, 50_000))
def test_a_batch_costs_its_tokens_and_each_of_its_requests(
    prices: PriceEntry, usage: Usage, requests: int
) -> None:
    batch = replace(usage, units={**usage.units, "requests": requests})
    beyond_one = (requests - 1) * prices.per_request
    assert prices.charge_micro(batch) == prices.charge_micro(usage) + beyond_one


@given(price_entries, st.integers(0, 10**10), counts)
def test_output_that_is_payable_is_paid(prices: PriceEntry, amount: int, input_tokens: int) -> None:
    payable = prices.output_tokens_payable(amount_micro=amount, input_tokens_max=input_tokens)
    assert payable >= 0
    if payable:
        dearest = min(payable, TOKENS_MAX)
        assert prices.ceiling_micro(input_tokens_max=input_tokens, output_tokens_max=dearest) <= amount
    if prices.output_price_max() and payable < TOKENS_MAX:
        more = prices.ceiling_micro(input_tokens_max=input_tokens, output_tokens_max=payable + 1)
        assert more > amount, "one token more is not paid"


def test_amounts_stay_below_what_the_purse_compares_exactly() -> None:
    prices = entry(input=parse_krw(9_000_000_000), output=parse_krw(9_000_000_000))
    worst = Usage(input=TOKENS_MAX, output=TOKENS_MAX)
    assert prices.charge_micro(worst) == AMOUNT_MICRO_MAX
    assert prices.ceiling_micro(input_tokens_max=TOKENS_MAX, output_tokens_max=1) == AMOUNT_MICRO_MAX


@pytest.mark.parametrize(
    ("now_ms", "found"),
    [(99, None), (100, 100), (199, 100), (200, 200), (299, 200), (300, 300), (10**15, 300)],
)
def test_the_entry_in_force(now_ms: int, found: int | None) -> None:
    """An entry holds from its first millisecond until the next one begins."""
    entries = (entry(100), entry(200), entry(300))
    current = entry_at(entries, now_ms)
    assert (current and current.valid_from_ms) == found


def test_no_entries() -> None:
    assert entry_at((), 0) is None


def test_every_default_is_a_price_and_ends_at_one_that_must_be_given() -> None:
    names = {field.name for field in fields(PriceEntry)}
    for name, falls_back_to in TOKEN_PRICE_DEFAULTS.items():
        assert {name, falls_back_to} <= names
        while falls_back_to in TOKEN_PRICE_DEFAULTS:
            falls_back_to = TOKEN_PRICE_DEFAULTS[falls_back_to]
        assert falls_back_to in ("input", "output")
