"""Providers, products, prices, credentials and notices as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from billing.declaration.price_models import PriceListEntry
from billing.declaration.price_rows import price_row
from metering.prices import PRICE_NAMES
from portal.api.show import at, krw

Row = Mapping[str, Any]
Shown = dict[str, Any]


def provider(row: Row) -> Shown:
    return {"id": row["id"], "name": row["name"], "brn": row["brn"], "state": row["state"]}


def product(row: Row, *, runs_it: bool, missing: Iterable[str]) -> Shown:
    """Where calls go, and what the review says, is for those who run it; a vendor's API key is for nobody."""
    shown = {
        name: row[name]
        for name in (
            *("id", "state", "scale", "purposes", "context_tokens", "max_output_tokens"),
            *("input_overhead_tokens", "data_location", "trains_on_input", "retention_days"),
            "on_client_gone",
        )
    }
    shown["provider"] = row["provider_id"]
    shown["active"] = row["is_served"]
    shown["prices"] = [_price(price) for price in row["prices"]]
    if row["draft_prices"]:
        shown["prices"] += [_drafted(price) for price in row["draft_prices"]]
    if runs_it:
        shown["upstream"] = [_upstream(one) for one in row["upstreams"]]
        shown["suspended_by"] = row["suspended_by"]
        shown["missing"] = list(missing)
        shown["returned_because"] = row["returned_because"]
    return shown


def _upstream(row: Row) -> Shown:
    names = ("dialect", "vendor", "base_url", "model", "priority", "weight", "has_api_key")
    return {name: row[name] for name in names}


def _price(row: Row) -> Shown:
    return {"from": row["valid_from_text"]} | {name: krw(row[name]) for name in PRICE_NAMES}


def _drafted(declared: Mapping[str, Any]) -> Shown:
    made = price_row(PriceListEntry.model_validate(declared))
    numbers = zip(PRICE_NAMES, made.numbers, strict=True)
    return {"from": made.text} | {name: krw(number) for name, number in numbers}


def price(row: Row, state: str) -> Shown:
    return {
        "id": row["id"],
        "product": row["product_id"],
        "provider": row["provider_id"],
        "state": state,
        **_price(row),
    }


def credential(row: Row, state: str) -> Shown:
    return {
        "id": row["id"],
        "product": row["product_id"],
        "provider": row["provider_id"],
        "position": row["position"],
        "base_url": row["base_url"],
        "state": state,
        "added_at": at(row["added_at"]),
        "replaced_at": at(row["replaced_at"]),
    }


def notice(row: Row) -> Shown:
    return {
        "id": row["id"],
        "company": row["company_id"],
        "provider": row["provider_id"],
        "product": row["product_id"],
        "kind": row["kind"],
        "detail": row["detail"],
        "reason": row["reason"],
        "at": at(row["at"]),
    }
