"""What a price list entry may say: its sheet, tiers, other models' lists, the money they are in. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from billing.declaration.fields import (
    PRICE_MICRO_MAX,
    Day,
    Name,
    Positive,
    Price,
    Rate,
    Strict,
    When,
    Word,
)
from metering.money import MICRO_PER_WON
from metering.prices import PRICE_NAMES
from metering.sheets import OTHER_CLASSES, unit_stem
from metering.usage import UNITS

UNIT_PRICES: Final = tuple(name for name in PRICE_NAMES if name.startswith("per_"))
_SERVICE_TIER: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Words that vendors answer a call with that was served as any, or from a batch.
_NO_TIERS: Final = frozenset({"default", "standard", "standard_only", "on_demand", "auto"})


def _service_tier(value: str) -> str:
    if value == "batch":
        raise ValueError("say `batch: true` instead")
    if value in _NO_TIERS:
        raise ValueError("is what a call costs without a tier: the entry's own prices")
    if not _SERVICE_TIER.fullmatch(value):
        raise ValueError("must be the vendor's word in small letters, as flex or priority")
    return value


class Sheet(Strict):
    """Some of the prices. What is not said has a default."""

    input: Price | None = None
    cached_input: Price | None = None
    cache_write: Price | None = None
    cache_write_1h: Price | None = None
    output: Price | None = None
    input_audio: Price | None = None
    output_audio: Price | None = None

    def declared(self) -> dict[str, int]:
        """What it says, by name: millionths of the money it is in."""
        said = {name: getattr(self, name, None) for name in PRICE_NAMES}
        return {name: micro for name, micro in said.items() if micro is not None}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.declared():
            raise ValueError("names no price")
        return self


class UnitSheet(Sheet):
    per_request: Price | None = None
    per_image: Price | None = None
    per_second: Price | None = None
    per_1000_characters: Price | None = None
    per_search: Price | None = None


class PriceTier(UnitSheet):
    input_tokens_over: Positive | None = None
    service_tier: Annotated[str, AfterValidator(_service_tier)] | None = None
    batch: Literal[True] | None = None

    @property
    def sheet_name(self) -> str:
        """Its conditions in words: two tiers of one name would hold for the same calls."""
        parts = ["batch"] if self.batch else []
        parts += [] if self.service_tier is None else [self.service_tier]
        parts += [] if self.input_tokens_over is None else [f"over-{self.input_tokens_over}"]
        return ".".join(parts)

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not self.sheet_name:
            raise ValueError("input_tokens_over, service_tier or batch is required")
        return self


class PriceListEntry(Strict):
    valid_from: When = Field(alias="from")
    input: Price | None = None
    cached_input: Price | None = None
    cache_write: Price | None = None
    cache_write_1h: Price | None = None
    output: Price = 0
    input_audio: Price | None = None
    output_audio: Price | None = None
    per_request: Price | None = None
    per_image: Price | None = None
    per_second: Price | None = None
    per_1000_characters: Price | None = None
    per_search: Price | None = None
    currency: Literal["KRW", "USD"] = "KRW"
    krw_per_usd: Rate | None = None
    rate_on: Day | None = None
    rate_source: Name | None = None
    tiers: Annotated[list[PriceTier], Field(min_length=1, max_length=100)] | None = None
    other_models: Annotated[dict[Word, Sheet], Field(min_length=1, max_length=100)] | None = None

    def declared(self) -> dict[str, int]:
        said = {name: getattr(self, name) for name in PRICE_NAMES if name in self.model_fields_set}
        return {name: micro for name, micro in said.items() if micro is not None}

    def sheets(self) -> Iterator[dict[str, int]]:
        yield self.declared()
        yield from (tier.declared() for tier in self.tiers or ())
        yield from (sheet.declared() for sheet in (self.other_models or {}).values())

    def krw_micro(self, micro: int) -> int:
        """A price in the entry's money -> micro-won, half up."""
        if self.krw_per_usd is None:
            return micro
        return (2 * micro * self.krw_per_usd + MICRO_PER_WON) // (2 * MICRO_PER_WON)

    @model_validator(mode="after")
    def _names_a_price(self) -> Self:
        if self.input is None and all(getattr(self, name) is None for name in UNIT_PRICES):
            raise ValueError("input or a unit price is required")
        return self

    @model_validator(mode="after")
    def _has_its_rate(self) -> Self:
        rate = (self.krw_per_usd, self.rate_on)
        if self.currency == "KRW":
            if (*rate, self.rate_source) != (None, None, None):
                raise ValueError("krw_per_usd, rate_on and rate_source belong to `currency: USD`")
            return self
        if None in rate:
            raise ValueError("prices in US dollars need krw_per_usd and rate_on: the rate, and its day")
        dearest = max((max(sheet.values(), default=0) for sheet in self.sheets()), default=0)
        if self.krw_micro(dearest) > PRICE_MICRO_MAX:
            raise ValueError(f"a price is above {PRICE_MICRO_MAX // MICRO_PER_WON:,} won at this rate")
        return self

    @model_validator(mode="after")
    def _holds_each_sheet_once(self) -> Self:
        for name, count in Counter(tier.sheet_name for tier in self.tiers or ()).items():
            if count > 1:
                raise ValueError(f"{count} tiers hold for the same calls: {name}")
        models = list(self.other_models or ())
        units = Counter(f"{unit_stem(model)}_{name}" for model in models for name in OTHER_CLASSES)
        if any(count > 1 or unit in UNITS for unit, count in units.items()):
            raise ValueError("two of other_models have names too much alike to be told apart")
        return self
