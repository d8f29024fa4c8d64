"""The law of sheets: no checkpoint is above the charge, and no charge above the ceiling, whatever happens."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from metering.prices import PRICE_NAMES, Condition, PriceEntry
from metering.sheets import (
    OTHER_CLASSES,
    bounds_of,
    price_usage,
    service_tiers,
    sheet_for,
    sheets_possible,
)
from metering.usage import STANDARD_TIER, OtherUsage, Usage, usage_from_totals

WON = 1_000_000
FROM = "2026-01-01T00:00:00+09:00"
ID = f"p@{FROM}"
Prices = st.SearchStrategy[dict[str, Any]]

numbers = st.integers(0, 3 * WON) | st.integers(0, 200_000 * WON)
prices_of: Prices = st.fixed_dictionaries({}, optional=dict.fromkeys(PRICE_NAMES, numbers))
token_prices_of: Prices = st.fixed_dictionaries({}, optional=dict.fromkeys(OTHER_CLASSES, numbers))
conditions = st.builds(
    Condition,
    input_tokens_over=st.none() | st.sampled_from([1, 500, 200_000]),
    service_tier=st.none() | st.sampled_from(["flex", "priority"]),
    batch=st.booleans(),
)
TIERS = [None, STANDARD_TIER, "flex", "priority"]


@st.composite
def entries(draw: st.DrawFn) -> PriceEntry:
    tiers = draw(st.lists(conditions, max_size=6, unique=True))
    made = [
        PriceEntry(f"{ID}#{place}", FROM, 0, when=when, **draw(prices_of)) for place, when in enumerate(tiers)
    ]
    others = [
        PriceEntry(f"{ID}#model-{name}", FROM, 0, model=name, **draw(token_prices_of))
        for name in draw(st.sampled_from([(), ("a",), ("a", "b")]))
    ]  # fmt: skip
    return PriceEntry(ID, FROM, 0, tiers=tuple(made), other_models=tuple(others), **draw(prices_of))


counts = st.integers(0, 3) | st.integers(0, 300_000)
usages = st.builds(
    usage_from_totals,
    input_total=counts,
    output_total=counts,
    cached_input=counts,
    cache_write=counts,
    cache_write_1h=counts,
    input_audio=counts,
    output_audio=counts,
    units=st.fixed_dictionaries({}, optional={"images": counts, "searches": counts}),
)


@given(
    prices=entries(),
    usage=usages,
    turns=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), usages), max_size=2),
    room=counts,
    asked=st.sampled_from(TIERS),
    tier=st.sampled_from(TIERS),
    batch=st.booleans(),
)
def test_a_checkpoint_is_never_above_the_charge_and_the_charge_never_above_the_ceiling(
    prices: PriceEntry,
    usage: Usage,
    turns: list[tuple[str, Usage]],
    room: int,
    asked: str | None,
    tier: str | None,
    batch: bool,
) -> None:
    """Whatever was asked for, and whatever of what it may mean the vendor did."""
    if asked is not None and tier not in (None, asked, STANDARD_TIER):
        tier = asked
    others = tuple(OtherUsage(m, "advisor_message", replace(u, units={})) for m, u in turns)
    whole = replace(usage, service_tier=tier, others=others)
    input_max = usage.input_total + sum(u.input_total for _, u in turns) + room
    output_max = usage.output_total + sum(u.output_total for _, u in turns) + room
    dearest, cheapest = bounds_of(
        prices, input_tokens_max=input_max, asked=asked, batch=batch, with_others=bool(turns)
    )
    ceiling = dearest.ceiling_micro(input_tokens_max=input_max, output_tokens_max=output_max)
    ceiling += dearest.units_micro(usage.units)
    charge = price_usage(prices, whole, asked=asked, batch=batch).charge_micro
    assert cheapest.charge_micro(usage) <= charge <= ceiling


@given(prices=entries(), total=counts, room=counts, tier=st.sampled_from(TIERS), batch=st.booleans())
def test_what_is_chosen_was_possible(
    prices: PriceEntry, total: int, room: int, tier: str | None, batch: bool
) -> None:
    chosen = sheet_for(prices, total, tier, batch=batch)
    for asked in {None, tier}:
        possible = sheets_possible(prices, input_tokens_max=total + room, asked=asked, batch=batch)
        if tier is not None or not service_tiers(prices):
            assert chosen.entry_id in {sheet.entry_id for sheet in possible}
