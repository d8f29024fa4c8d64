"""Which sheet of a price entry a call is charged by, and the bounds while that is not known. Pure.

An entry's own sheet is the base. A tier of it holds where each of its conditions is met; where several hold,
the first difference decides: a sheet for batches before the others, then one for the service tier, then the
highest threshold of input. Two that name the same conditions are refused when they are declared, so there is
always exactly one. A tier is for the whole call, and all of the call's input counts for a threshold.

Turns of another model are charged by the entry's list for that model, whatever the tier; those of a model
that has none are counted and cost nothing, as a search does that has no price.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from metering.prices import PRICE_NAMES, Condition, PriceEntry, amount_micro
from metering.usage import STANDARD_TIER, TOKEN_CLASSES, TOKENS_MAX, Usage

# What a sheet for another model prices, and the names in which a usage record counts it.
OTHER_CLASSES: Final = tuple(name for name in TOKEN_CLASSES if name != "reasoning")
_STEM_CHARACTERS: Final = 25  # a unit has 40, the longest class takes 15 of them
_STEM_HEAD: Final = 16


class Priced(NamedTuple):
    """What a call costs and why: `usage` is what its record tells."""

    sheet: PriceEntry
    usage: Usage
    charge_micro: int


class Bounds(NamedTuple):
    """No sheet the call may end on is dearer than the first or cheaper than the second, price by price."""

    dearest: PriceEntry
    cheapest: PriceEntry


def sheet_for(
    entry: PriceEntry, input_tokens: int, service_tier: str | None = None, *, batch: bool = False
) -> PriceEntry:
    """The sheet for a call of so much input. `service_tier`: as it was served, else as it was asked for."""
    best, best_rank = entry, (False, False, 0)
    for tier in entry.tiers:
        when = tier.when or Condition()
        over = when.input_tokens_over
        if when.batch and not batch:
            continue
        if when.service_tier is not None and when.service_tier != service_tier:
            continue
        if over is not None and input_tokens <= over:
            continue
        rank = (when.batch, when.service_tier is not None, over or 0)
        if rank > best_rank:
            best, best_rank = tier, rank
    return best


def price_usage(entry: PriceEntry, usage: Usage, *, asked: str | None = None, batch: bool = False) -> Priced:
    """A call's charge. `asked` is the service tier its request names, None where it leaves the choice."""
    if not (entry.tiers or usage.others):
        return Priced(entry, usage, entry.charge_micro(usage))
    usage, beside = _with_others(entry, usage)
    served = asked if usage.service_tier is None else usage.service_tier
    sheet = sheet_for(entry, usage.input_total, served, batch=batch)
    return Priced(sheet, usage, amount_micro(sheet.numerator(usage) + beside))


def bounds_of(
    entry: PriceEntry,
    *,
    input_tokens_max: int,
    asked: str | None = None,
    batch: bool = False,
    with_others: bool = False,
) -> Bounds:
    """While a call runs, nobody knows how the vendor serves it, or how long its input is."""
    if not (entry.tiers or (with_others and entry.other_models)):
        return Bounds(entry, entry)
    sheets = sheets_possible(entry, input_tokens_max=input_tokens_max, asked=asked, batch=batch)
    cheapest = _each(entry, sheets, dearest=False)
    if with_others:
        sheets = (*sheets, *entry.other_models)
    return Bounds(_each(entry, sheets, dearest=True), cheapest)


def sheets_possible(
    entry: PriceEntry, *, input_tokens_max: int, asked: str | None = None, batch: bool = False
) -> tuple[PriceEntry, ...]:
    """All that `sheet_for` can say of a call within the bound.

    Asked for a tier by name, a vendor gives it, or serves the call as any other. Where the request leaves
    the choice, the vendor has it.
    """
    served = {STANDARD_TIER}
    if asked is None:
        served |= service_tiers(entry)
    else:
        served.add(asked)
    overs = {tier.when.input_tokens_over for tier in entry.tiers if tier.when is not None}
    totals = {0} | {over + 1 for over in overs if over is not None and over < input_tokens_max}
    found = {}
    for tier in served:
        for total in totals:
            sheet = sheet_for(entry, total, tier, batch=batch)
            found[sheet.entry_id] = sheet
    return tuple(found.values())


def service_tiers(entry: PriceEntry, *, batches: bool = True) -> set[str]:
    """Those that have a sheet. Without `batches`: one that a single call can end on."""
    whens = (tier.when for tier in entry.tiers if tier.when is not None)
    named = (when.service_tier for when in whens if batches or not when.batch)
    return {name for name in named if name is not None}


def unit_stem(model: str) -> str:
    """A model's name as the units of a usage record begin with it: `claude_opus_4_6` of `claude-opus-4-6`."""
    plain = "".join(c if c in "abcdefghijklmnopqrstuvwxyz0123456789" else "_" for c in model.lower())
    plain = plain.strip("_") or "model"
    if not plain[0].isalpha():
        plain = f"m_{plain}"
    if len(plain) > _STEM_CHARACTERS:
        plain = f"{plain[:_STEM_HEAD]}_{sha256(model.encode()).hexdigest()[:8]}"
    return plain


def _each(entry: PriceEntry, sheets: Iterable[PriceEntry], *, dearest: bool) -> PriceEntry:
    """A sheet of bounds: no call is charged by it."""
    choose = max if dearest else min
    listed = list(sheets)
    numbers: dict[str, Any] = {name: choose(getattr(sheet, name) for sheet in listed) for name in PRICE_NAMES}
    return replace(entry, tiers=(), other_models=(), **numbers)


def _with_others(entry: PriceEntry, usage: Usage) -> tuple[Usage, int]:
    """(usage with other models' turns among its units, what those cost x 1,000,000)"""
    if not usage.others:
        return usage, 0
    listed = {sheet.model: sheet for sheet in entry.other_models}
    units, beside = dict(usage.units), 0
    for turn in usage.others:
        counts, sheet = turn.usage.tokens(), listed.get(turn.model)
        stem = unit_stem(turn.model)
        for name in OTHER_CLASSES:
            if counts[name]:
                unit = f"{stem}_{name}"
                before = units.get(unit, 0)
                units[unit] = min(before + counts[name], TOKENS_MAX)
                if sheet is not None:
                    beside += (units[unit] - before) * getattr(sheet, name)
    return msgspec.structs.replace(usage, units=units, others=()), beside
