"""What counts cost under a price list entry, its sheets and its lists for other models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from .columns import UNITS, Json, Row

TOKEN_PRICES = (
    "input", "cached_input", "cache_write", "cache_write_1h", "output", "input_audio", "output_audio",
)  # fmt: skip
UNIT_PRICES = ("per_request", "per_image", "per_second", "per_1000_characters", "per_search")
_INPUTS = ("input", "cached_input", "cache_write", "cache_write_1h", "input_audio")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-won per 1,000,000 tokens of a class, and per unit; what is null has the contract's default."""

    valid_from: str
    amounts: dict[str, int]
    served: tuple[str | None, bool] = (None, False)  # service tier, in a batch
    over: int = 0  # tokens of input that the call has more of
    model: str | None = None  # another one's

    @classmethod
    def of(cls, row: Json) -> Price:
        amounts = {
            name: value for name in (*TOKEN_PRICES, *UNIT_PRICES) if type(value := row.get(name)) is int
        }
        for name, default in (
            ("input", None),
            ("cached_input", "input"),
            ("cache_write", "input"),
            ("cache_write_1h", "cache_write"),
            ("output", None),
            ("input_audio", "input"),
            ("output_audio", "output"),
            *((name, None) for name in UNIT_PRICES),
        ):
            amounts.setdefault(name, 0 if default is None else amounts[default])
        tier, over, model = row.get("service_tier"), row.get("input_tokens_over"), row.get("model")
        return cls(
            str(row.get("valid_from")),
            amounts,
            (tier if isinstance(tier, str) else None, row.get("batch") is True),
            over if type(over) is int else 0,
            model if isinstance(model, str) else None,
        )


@dataclass(slots=True)
class Entry:
    """A price list entry: its own sheet is the one without a name."""

    sheets: dict[str, Price] = field(default_factory=dict)
    rate: Fraction | None = None  # won for a dollar

    def charge_micro(self, name: str, usage: Row) -> int:
        """What the counts of a usage row cost on one of its sheets: one rounding, half up."""
        price = self.sheets[name].amounts
        units = {unit: int(str(number)) for unit, number in usage.json("units").items()}
        millionths = sum(usage[f"{of}_tokens"] * price[of] for of in TOKEN_PRICES)
        millionths += 1_000_000 * (
            price["per_request"] * units.get("requests", 1)
            + units.get("images", 0) * price["per_image"]
            + units.get("seconds", 0) * price["per_second"]
            + units.get("searches", 0) * price["per_search"]
        )
        millionths += 1_000 * units.get("characters", 0) * price["per_1000_characters"]
        for unit, sheet, of in self.units_of_others():
            millionths += units.get(unit, 0) * sheet.amounts[of]
        return (millionths + 500_000) // 1_000_000

    def units_of_others(self) -> Iterator[tuple[str, Price, str]]:
        """(name of a unit, another model's list, class of tokens)"""
        for name, sheet in self.sheets.items():
            if sheet.model is not None:
                yield from ((f"{name.removeprefix('model-')}_{of}", sheet, of) for of in TOKEN_PRICES)

    def unknown_units(self, usage: Row) -> list[str]:
        """Neither pieces nor tokens of another model. Such a model without a list costs nothing."""
        others = tuple(f"_{of}" for of in TOKEN_PRICES)
        return sorted(unit for unit in set(usage.json("units")) - {*UNITS} if not unit.endswith(others))

    def should_be(self, name: str, usage: Row) -> str:
        """The sheet a call of so much input is charged by, served as the named one says.

        A batch's input is that of many calls, so no threshold holds for it.
        """
        total = 0 if "requests" in usage.json("units") else sum(usage[f"{of}_tokens"] for of in _INPUTS)
        own = self.sheets[name]
        fits = [
            (sheet.over, other)
            for other, sheet in self.sheets.items()
            if sheet.model is None and sheet.served == own.served and (not sheet.over or total > sheet.over)
        ]
        # A way of being served that has sheets for long inputs only: short ones are on the entry's own.
        return max(fits, default=(0, ""))[1]

    def wrong_in_won(self, row: Json) -> Iterator[tuple[str, int]]:
        """Prices that were declared in dollars and are not those dollars at the rate: (name, what it is)."""
        dollars = row.get("dollars")
        prices = dollars.get("prices") if isinstance(dollars, dict) else None
        for name, text in prices.items() if isinstance(prices, dict) else ():
            usd = decimal(text)
            if usd is None or self.rate is None:
                yield name, -1
                continue
            exact = usd * self.rate * 1_000_000
            micro = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
            if row.get(name) != micro:
                yield name, micro


def decimal(text: object) -> Fraction | None:
    return Fraction(text) if isinstance(text, str) and _DECIMAL.fullmatch(text) else None
