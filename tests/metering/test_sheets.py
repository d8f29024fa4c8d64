"""Which sheet of an entry a call is charged by, to the micro-won, and the bounds while that is not known.

The prices are examples in the shapes that vendors publish, at 1,400 won to the dollar.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from metering.money import format_krw
from metering.prices import Condition, PriceEntry
from metering.sheets import (
    OTHER_CLASSES,
    Priced,
    bounds_of,
    price_usage,
    sheet_for,
    unit_stem,
)
from metering.usage import STANDARD_TIER, OtherUsage, Usage

WON = 1_000_000
FROM = "2026-01-01T00:00:00+09:00"
ID = f"p@{FROM}"


def sheet(name: str = "", when: Condition | None = None, model: str = "", **won: float) -> PriceEntry:
    numbers = {name: round(amount * WON) for name, amount in won.items()}
    entry_id = f"{ID}#{name}" if name else ID
    return PriceEntry(entry_id, FROM, 0, when=when, model=model, **numbers)  # type: ignore[arg-type]


def entry(own: PriceEntry, *tiers: PriceEntry, others: tuple[PriceEntry, ...] = ()) -> PriceEntry:
    return replace(own, tiers=tiers, other_models=others)


# Twice the input and half as much more output above 200,000 tokens; half of each in batches.
LONG = entry(
    sheet(input=1_750, cached_input=175, output=14_000),
    sheet("over-200000", Condition(200_000), input=3_500, cached_input=350, output=21_000),
    sheet("batch", Condition(batch=True), input=875, cached_input=87.5, output=7_000),
    sheet(
        "batch.over-200000",
        Condition(200_000, batch=True),
        input=1_750,
        cached_input=175,
        output=10_500,
    ),
)
# Half the price for waiting, twice for going first; one threshold for all but who goes first.
TIERED = entry(
    sheet(input=2_450, cached_input=245, output=19_600),
    sheet("flex", Condition(service_tier="flex"), input=1_225, cached_input=122.5, output=9_800),
    sheet("priority", Condition(service_tier="priority"), input=4_900, cached_input=490, output=39_200),
    sheet("over-1000", Condition(1_000), input=4_900, cached_input=490, output=29_400),
    sheet("over-5000", Condition(5_000), input=9_800, cached_input=980, output=58_800),
    sheet("flex.over-1000", Condition(1_000, "flex"), input=2_450, cached_input=245, output=14_700),
)
ADVISED = entry(
    sheet(input=4_200, cached_input=420, output=21_000, per_search=14),
    sheet("flex", Condition(service_tier="flex"), input=2_100, cached_input=210, output=10_500),
    others=(sheet("model-claude_opus_4_8", model="claude-opus-4-8", input=7_000, output=35_000),),
)


def served(tier: str | None, usage: Usage) -> Usage:
    return msgspec.structs.replace(usage, service_tier=tier)


SHORT = Usage(input=12, cached_input=8, output=40)
# fmt: off
CHARGES = [
    # entry, usage, asked for, in a batch -> sheet, won
    (LONG, Usage(input=200_000, output=10), None, False, "", "350.14"),
    (LONG, Usage(input=200_001, output=10), None, False, "over-200000", "700.2135"),
    (LONG, Usage(input=1, cached_input=200_000, output=10), None, False, "over-200000", "70.2135"),
    (LONG, Usage(cache_write=100_001, input_audio=100_000), None, False, "over-200000", "0"),
    (LONG, Usage(output=200_001), None, False, "", "2800.014"),
    (LONG, SHORT, None, True, "batch", "0.2912"),
    (LONG, Usage(input=200_001), None, True, "batch.over-200000", "350.00175"),
    (LONG, SHORT, "flex", False, "", "0.5824"),
    (TIERED, SHORT, None, False, "", "0.81536"),
    (TIERED, SHORT, "flex", False, "flex", "0.40768"),
    (TIERED, served("flex", SHORT), None, False, "flex", "0.40768"),
    (TIERED, served("priority", SHORT), "flex", False, "priority", "1.63072"),
    (TIERED, served(STANDARD_TIER, SHORT), "flex", False, "", "0.81536"),  # not served as it was asked for
    (TIERED, served("scale", SHORT), None, False, "", "0.81536"),
    (TIERED, Usage(input=1_001), "flex", False, "flex.over-1000", "2.45245"),
    (TIERED, Usage(input=5_001), "flex", False, "flex.over-1000", "12.25245"),
    (TIERED, Usage(input=5_000), None, False, "over-1000", "24.5"),
    (TIERED, Usage(input=5_001), None, False, "over-5000", "49.0098"),
    (TIERED, Usage(input=5_001), "priority", False, "priority", "24.5049"),  # the tier before the threshold
    (TIERED, SHORT, None, True, "", "0.81536"),  # no sheet for batches: the entry's own
]
# fmt: on


@pytest.mark.parametrize(("prices", "usage", "asked", "batch", "name", "won"), CHARGES)
def test_charges(
    prices: PriceEntry, usage: Usage, asked: str | None, batch: bool, name: str, won: str
) -> None:
    priced = price_usage(prices, usage, asked=asked, batch=batch)
    assert priced.sheet.entry_id == (f"{ID}#{name}" if name else ID)
    assert format_krw(priced.charge_micro) == won
    assert priced.usage == usage


def test_the_order_of_declaration_does_not_matter() -> None:
    for prices in (LONG, TIERED):
        turned = replace(prices, tiers=prices.tiers[::-1])
        for total in (0, 1_001, 5_001, 200_001):
            for tier in (None, "flex", "priority"):
                for batch in (False, True):
                    one, other = (sheet_for(p, total, tier, batch=batch) for p in (prices, turned))
                    assert one is other or one.entry_id == other.entry_id


def test_without_tiers_the_entry_is_its_own_bounds() -> None:
    """The common way: nothing is made, chosen or copied."""
    plain = sheet(input=1, output=2)
    usage = Usage(input=3)
    assert bounds_of(plain, input_tokens_max=10, asked="flex", with_others=True) == (plain, plain)
    assert bounds_of(plain, input_tokens_max=10).dearest is plain
    assert price_usage(plain, usage) == Priced(plain, usage, 3)


# -- other models


def turn(model: str, **counts: Any) -> OtherUsage:
    return OtherUsage(model=model, kind="advisor_message", usage=Usage(**counts))


# The recorded exchange anthropic.messages.stream.c6db46ecdd.
RECORDED = (turn("claude-opus-4-8", input=2543, output=18),)
# fmt: off
ADVICE = [
    # 2,411 × 4.2 + 145 × 21 + 2,543 × 7 + 18 × 35 won per thousand
    (ADVISED, Usage(input=2411, output=145, reasoning=47, others=RECORDED), "", "31.6022",
     {"claude_opus_4_8_input": 2543, "claude_opus_4_8_output": 18}, 2411),
    # the tier is the product's: the other model's list stays as it is
    (ADVISED, Usage(input=2411, output=145, service_tier="flex", others=RECORDED), "#flex", "25.0166",
     {"claude_opus_4_8_input": 2543, "claude_opus_4_8_output": 18}, 2411),
    (ADVISED, Usage(input=1, units={"searches": 2}, others=(*RECORDED, *RECORDED)), "", "64.8662",
     {"searches": 2, "claude_opus_4_8_input": 5086, "claude_opus_4_8_output": 36}, 1),
    # no list: counted, and nothing is charged for what has no price
    (ADVISED, Usage(input=10, others=(turn("other", input=20, output=1),)), "", "0.042",
     {"other_input": 20, "other_output": 1}, 10),
    (TIERED, Usage(input=500, others=(turn("other", input=501),)), "", "1.225", {"other_input": 501}, 500),
    # rounded once, not per list
    (entry(sheet(input=0.000001), others=(sheet("model-b", model="b", input=0.000001),)),
     Usage(input=250_000, others=(turn("b", input=250_000),)), "", "0.000001", {"b_input": 250_000},
     250_000),
]
# fmt: on


@pytest.mark.parametrize(("prices", "usage", "name", "won", "units", "input_tokens"), ADVICE)
def test_turns_of_other_models(
    prices: PriceEntry,
    usage: Usage,
    name: str,
    won: str,
    units: dict[str, int],
    input_tokens: int,
) -> None:
    priced = price_usage(prices, usage)
    assert (priced.sheet.entry_id, format_krw(priced.charge_micro)) == (ID + name, won)
    assert (priced.usage.units, priced.usage.input, priced.usage.others) == (units, input_tokens, ())


@pytest.mark.parametrize(
    ("model", "stem"),
    [
        ("claude-opus-4-8", "claude_opus_4_8"),
        ("claude-opus-4-6-20260205", "claude_opus_4_6_20260205"),
        ("4o", "m_4o"),
        ("한글", "model"),
        ("Qwen/Qwen3:free", "qwen_qwen3_free"),
        ("us.anthropic.claude-opus-4-8-v1:0", "us_anthropic_cla_c51c12e2"),
    ],
)
def test_a_model_s_name_in_units(model: str, stem: str) -> None:
    assert unit_stem(model) == stem
    assert all(len(f"{stem}_{name}") <= 40 for name in OTHER_CLASSES)


def test_a_tier_beyond_the_bound_is_no_reason_to_hold_more() -> None:
    def dearest_output(input_max: int, asked: str | None = STANDARD_TIER, *, batch: bool = False) -> str:
        prices = LONG if batch else TIERED
        bounds = bounds_of(prices, input_tokens_max=input_max, asked=asked, batch=batch)
        return format_krw(bounds.dearest.output)

    assert [dearest_output(n) for n in (1_000, 1_001, 5_001)] == ["19600", "29400", "58800"]
    assert dearest_output(1_000, "flex") == "19600"
    assert dearest_output(1_000, "priority") == "39200"
    assert dearest_output(1_000, None) == "39200"
    assert [dearest_output(n, None, batch=True) for n in (200_000, 200_001)] == ["7000", "10500"]
    whole = bounds_of(ADVISED, input_tokens_max=10, asked=STANDARD_TIER, with_others=True)
    assert (format_krw(whole.dearest.output), format_krw(whole.cheapest.output)) == ("35000", "21000")
