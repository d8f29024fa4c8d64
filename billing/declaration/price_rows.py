"""A price list entry as rows: complete numbers in micro-won, and the dollars they were declared in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from billing.declaration.price_models import PriceListEntry
from metering.money import format_krw
from metering.prices import PRICE_NAMES, TOKEN_PRICE_DEFAULTS
from metering.sheets import unit_stem

Declared = Mapping[str, int]
Dollars = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """Another sheet of an entry: a tier, or the list for another model."""

    name: str  # what follows the `#` of the sheet's id
    input_tokens_over: int | None = None
    service_tier: str | None = None
    batch: bool = False
    model: str | None = None
    numbers: tuple[int, ...]  # in the order of PRICE_NAMES
    dollars: Dollars | None = None  # {"prices": as declared}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """`numbers` are complete: what the entry left out has its default."""

    valid_from: datetime
    text: str
    numbers: tuple[int, ...]  # in the order of PRICE_NAMES
    dollars: Dollars | None = None  # the rate, and {"prices": as declared}
    sheets: tuple[SheetRow, ...] = ()  # in the order of their names

    def is_edited(self, other: PriceRow) -> bool:
        ours, theirs = (self.numbers, self.dollars, self.sheets), (other.numbers, other.dollars, other.sheets)
        return ours != theirs


def price_row(entry: PriceListEntry) -> PriceRow:
    own = entry.declared()
    sheets = [
        SheetRow(
            name=tier.sheet_name,
            input_tokens_over=tier.input_tokens_over,
            service_tier=tier.service_tier,
            batch=tier.batch is True,
            numbers=_numbers(entry, {**own, **tier.declared()}),
            dollars=_dollars(entry, tier.declared()),
        )
        for tier in entry.tiers or ()
    ]
    sheets += [
        SheetRow(
            name=f"model-{unit_stem(model)}",
            model=model,
            numbers=_numbers(entry, prices.declared()),
            dollars=_dollars(entry, prices.declared()),
        )
        for model, prices in (entry.other_models or {}).items()
    ]
    return PriceRow(
        valid_from=entry.valid_from.at,
        text=entry.valid_from.text,
        numbers=_numbers(entry, own),
        dollars=_dollars(entry, own, rate=True),
        sheets=tuple(sorted(sheets, key=lambda sheet: sheet.name)),
    )


def _numbers(entry: PriceListEntry, declared: Declared) -> tuple[int, ...]:
    numbers = {name: entry.krw_micro(micro) for name, micro in declared.items()}
    for name, fallback in TOKEN_PRICE_DEFAULTS.items():
        numbers.setdefault(name, numbers.get(fallback, 0))
    return tuple(numbers.get(name, 0) for name in PRICE_NAMES)


def _dollars(entry: PriceListEntry, declared: Declared, *, rate: bool = False) -> Dollars | None:
    if entry.krw_per_usd is None or entry.rate_on is None:
        return None
    prices = {name: format_krw(micro) for name, micro in declared.items()}
    if not rate:
        return {"prices": prices}
    said: dict[str, object] = {"krw_per_usd": format_krw(entry.krw_per_usd)}
    said["rate_on"] = entry.rate_on.isoformat()
    if entry.rate_source is not None:
        said["rate_source"] = entry.rate_source
    return {**said, "prices": prices}
