"""Prices: one dated entry of a product's price list, what a call costs under it, and the most it can cost.

A price is won per 1,000,000 tokens, kept as micro-won per 1,000,000 tokens; per-unit prices are micro-won per
one unit. A call's charge is summed as micro-won x 1,000,000 and rounded once, half up. Whole-won prices never
round at all: price x tokens / 1,000,000 won is price x tokens micro-won.

An entry is one sheet of such prices, and may have others beside it: for long inputs, for the vendor's service
tiers, for batches, for other models. metering/sheets.py says which of them a call is charged by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from metering.money import AMOUNT_MICRO_MAX
from metering.usage import Usage

_PER_MILLION: Final = 1_000_000

# The prices of an entry, in the order they are shown and stored.
PRICE_NAMES: Final = (
    "input",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "output",
    "input_audio",
    "output_audio",
    "per_request",
    "per_image",
    "per_second",
    "per_1000_characters",
    "per_search",
)

# field of the declarative file -> (attribute, falls back to)
TOKEN_PRICE_DEFAULTS: Final = {
    "cached_input": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "input_audio": "input",
    "output_audio": "output",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """When a sheet holds: each that is named must be met."""

    input_tokens_over: int | None = None  # the call's whole input is above this
    service_tier: str | None = None  # the vendor's word, in small letters
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Dollars:
    """What was declared in dollars, and the rate by which it became won once, when it was applied."""

    krw_per_usd: str
    rate_on: str
    rate_source: str | None = None


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """One entry, or another sheet of one. It is frozen into a hold at admission.

    `entry_id` is "<product>@<from>", with "#<sheet>" behind it where it is another sheet of that entry.
    """

    entry_id: str
    valid_from: str  # RFC 3339, as declared
    valid_from_ms: int
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    input_audio: int = 0
    output_audio: int = 0
    per_request: int = 0
    per_image: int = 0
    per_second: int = 0
    per_1000_characters: int = 0
    per_search: int = 0
    when: Condition | None = None  # of a tier
    model: str = ""  # of another model's sheet: the vendor's name for it
    tiers: tuple[PriceEntry, ...] = ()
    other_models: tuple[PriceEntry, ...] = ()
    dollars: Dollars | None = None
    declared_usd: dict[str, str] = field(default_factory=dict)  # this sheet's prices as they were declared

    def charge_micro(self, usage: Usage) -> int:
        """What `usage` costs on this sheet, in micro-won."""
        return amount_micro(self.numerator(usage))

    def numerator(self, usage: Usage) -> int:
        """The same before it is rounded: micro-won x 1,000,000."""
        per_million = (
            usage.input * self.input
            + usage.cached_input * self.cached_input
            + usage.cache_write * self.cache_write
            + usage.cache_write_1h * self.cache_write_1h
            + usage.output * self.output
            + usage.input_audio * self.input_audio
            + usage.output_audio * self.output_audio
        )
        numerator = per_million + self.per_request * usage.units.get("requests", 1) * _PER_MILLION
        if usage.units:
            numerator += self._units_numerator(usage.units)
        return numerator

    def units_micro(self, units: Mapping[str, int]) -> int:
        """The most that so much of what is priced by the piece can cost, rounded up."""
        return min(-(-self._units_numerator(units) // _PER_MILLION), AMOUNT_MICRO_MAX)

    def _units_numerator(self, units: Mapping[str, int]) -> int:
        whole = (
            units.get("images", 0) * self.per_image
            + units.get("seconds", 0) * self.per_second
            + units.get("searches", 0) * self.per_search
        )
        thousandths = units.get("characters", 0) * self.per_1000_characters
        return whole * _PER_MILLION + thousandths * (_PER_MILLION // 1000)

    @property
    def has_token_prices(self) -> bool:
        return bool(self.input_price_max() or self.output_price_max())

    def input_price_max(self) -> int:
        return max(self.input, self.cached_input, self.cache_write, self.cache_write_1h, self.input_audio)

    def output_price_max(self) -> int:
        return max(self.output, self.output_audio)

    def ceiling_micro(self, *, input_tokens_max: int, output_tokens_max: int) -> int:
        """The most a call within these bounds can cost, in micro-won: every token at the dearest of its side.

        Rounded up, so that no rounding of the true charge can pass it.
        """
        numerator = (
            input_tokens_max * self.input_price_max()
            + output_tokens_max * self.output_price_max()
            + self.per_request * _PER_MILLION
        )
        return min(-(-numerator // _PER_MILLION), AMOUNT_MICRO_MAX)

    def output_tokens_payable(self, *, amount_micro: int, input_tokens_max: int) -> int:
        """How many output tokens `amount_micro` pays for once the input bound is paid; never negative."""
        price = self.output_price_max()
        rest = amount_micro * _PER_MILLION
        rest -= input_tokens_max * self.input_price_max() + self.per_request * _PER_MILLION
        if rest < 0:
            return 0
        return rest // price if price else AMOUNT_MICRO_MAX


def amount_micro(numerator: int) -> int:
    """Rounded half up, and no more than the purse can hold."""
    return min((2 * numerator + _PER_MILLION) // (2 * _PER_MILLION), AMOUNT_MICRO_MAX)


def entry_at(entries: tuple[PriceEntry, ...], now_ms: int) -> PriceEntry | None:
    """The entry in force: the latest whose start is not after `now_ms`. `entries` are sorted by start."""
    current = None
    for entry in entries:
        if entry.valid_from_ms > now_ms:
            break
        current = entry
    return current
