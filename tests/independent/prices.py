"""What counts cost under a price list entry."""

from __future__ import annotations

from dataclasses import dataclass

from .columns import Json, Row

TOKEN_PRICES = (
    "input", "cached_input", "cache_write", "cache_write_1h", "output", "input_audio", "output_audio",
)  # fmt: skip
UNIT_PRICES = ("per_request", "per_image", "per_second", "per_1000_characters", "per_search")


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-won per 1,000,000 tokens of a class, and per unit; what is null has the contract's default."""

    valid_from: str
    amounts: dict[str, int]

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
        return cls(str(row.get("valid_from")), amounts)

    def charge_micro(self, usage: Row) -> int:
        """What the counts of a usage row cost: one rounding, half up."""
        tokens = {
            name: usage[f"{name}_tokens"]
            for name in TOKEN_PRICES
            if name not in ("input_audio", "output_audio")
        }
        tokens |= {"input_audio": usage["input_audio_tokens"], "output_audio": usage["output_audio_tokens"]}
        units = {name: int(str(number)) for name, number in usage.json("units").items()}
        price = self.amounts
        millionths = sum(count * price[name] for name, count in tokens.items())
        millionths += 1_000_000 * (
            price["per_request"] * units.get("requests", 1)
            + units.get("images", 0) * price["per_image"]
            + units.get("seconds", 0) * price["per_second"]
            + units.get("searches", 0) * price["per_search"]
        )
        millionths += 1_000 * units.get("characters", 0) * price["per_1000_characters"]
        return (millionths + 500_000) // 1_000_000
