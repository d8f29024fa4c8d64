"""What a call should have cost: by another entry of its price list, or by other counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from metering.prices import PriceEntry
from metering.sheets import price_usage
from metering.usage import UNITS, Usage, usage_from_totals

CorrectionKind = Literal["correction", "true_up"]


@dataclass(frozen=True, slots=True)
class BookedCall:
    """A call's latest step."""

    op: str
    step: int
    held_at_ms: int
    charge_micro: int
    price_entry: str
    tokens: Mapping[str, int]  # by class
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CorrectedCall:
    """`before` is what it was judged by."""

    before: BookedCall
    kind: CorrectionKind
    after_micro: int
    price_entry: str
    price_from: str
    tokens: Mapping[str, int]


def by_price(call: BookedCall, right: PriceEntry) -> CorrectedCall | None:
    """The same counts by the right entry; None where nothing changes, or `cannot_judge` says why not."""
    if cannot_judge(call):
        return None
    inputs = ("input", "cached_input", "cache_write", "cache_write_1h", "input_audio")
    usage = _counted(
        call,
        input_tokens=sum(call.tokens[name] for name in inputs),
        cached_input_tokens=call.tokens["cached_input"],
        output_tokens=call.tokens["output"] + call.tokens["output_audio"],
    )
    priced = price_usage(right, usage, batch="requests" in call.units)
    if priced.charge_micro == call.charge_micro:
        return None
    return CorrectedCall(
        call, "correction", priced.charge_micro, priced.sheet.entry_id, right.valid_from, dict(call.tokens)
    )


def by_counts(
    call: BookedCall,
    entry: PriceEntry,
    *,
    input_tokens: int,
    cached_input_tokens: int,
    output_tokens: int,
) -> CorrectedCall | None:
    """The provider's counts at the call's own price; classes it does not tell stay as they are."""
    if cannot_judge(call):
        return None
    usage = _counted(
        call,
        input_tokens=input_tokens,
        cached_input_tokens=cached_input_tokens,
        output_tokens=output_tokens,
    )
    priced = price_usage(entry, usage, batch="requests" in call.units)
    if priced.charge_micro == call.charge_micro:
        return None
    return CorrectedCall(
        call, "true_up", priced.charge_micro, priced.sheet.entry_id, entry.valid_from, usage.tokens()
    )


def _counted(call: BookedCall, *, input_tokens: int, cached_input_tokens: int, output_tokens: int) -> Usage:
    """Totals as classes; those that a total does not tell are the call's."""
    return usage_from_totals(
        input_total=input_tokens,
        cached_input=cached_input_tokens,
        output_total=output_tokens,
        cache_write=call.tokens["cache_write"],
        cache_write_1h=call.tokens["cache_write_1h"],
        reasoning=call.tokens["reasoning"],
        input_audio=call.tokens["input_audio"],
        output_audio=call.tokens["output_audio"],
        units=dict(call.units),
    )


def cannot_judge(call: BookedCall) -> bool:
    """How a vendor served it (its tier) or what other models did in it, the record does not tell whole."""
    known = {*UNITS, "requests"}
    return "#" in call.price_entry or not known.issuperset(call.units)
