"""A price list entry as it was declared, once more: plain JSON that the model reads again. Pure."""

from __future__ import annotations

from typing import Any

from billing.declaration.price_models import PriceListEntry, PriceTier, Sheet
from metering.money import format_krw


def declared_again(entry: PriceListEntry) -> dict[str, Any]:
    said: dict[str, Any] = {"from": entry.valid_from.text, **_amounts(entry.declared())}
    if entry.krw_per_usd is not None and entry.rate_on is not None:
        said |= {"currency": entry.currency, "krw_per_usd": format_krw(entry.krw_per_usd)}
        said["rate_on"] = entry.rate_on.isoformat()
    if entry.rate_source is not None:
        said["rate_source"] = entry.rate_source
    if entry.tiers is not None:
        said["tiers"] = [_tier(tier) for tier in entry.tiers]
    if entry.other_models is not None:
        said["other_models"] = {model: _sheet(sheet) for model, sheet in entry.other_models.items()}
    return said


def _amounts(declared: dict[str, int]) -> dict[str, str]:
    return {name: format_krw(micro) for name, micro in declared.items()}


def _sheet(sheet: Sheet) -> dict[str, Any]:
    return dict(_amounts(sheet.declared()))


def _tier(tier: PriceTier) -> dict[str, Any]:
    conditions = {
        "input_tokens_over": tier.input_tokens_over,
        "service_tier": tier.service_tier,
        "batch": tier.batch,
    }
    return {name: value for name, value in conditions.items() if value is not None} | _sheet(tier)
