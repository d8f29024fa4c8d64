"""Answers about providers and what they sell, as models; portal.api.show_products makes them."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field, create_model

from metering.prices import PRICE_NAMES
from portal.api.shown import Shown


class ProviderShown(Shown):
    id: str
    name: str
    brn: str | None
    state: str


class UpstreamShown(Shown):
    dialect: str
    vendor: str | None
    base_url: str
    model: str
    priority: int
    weight: int
    has_api_key: bool


_PRICES: Final[dict[str, Any]] = dict.fromkeys(PRICE_NAMES, (str, ...))
PriceShown: Final = create_model(
    "PriceShown", __base__=Shown, valid_from=(str, Field(alias="from")), **_PRICES
)


class PriceEntryShown(PriceShown):  # type: ignore[valid-type, misc] # made of the names of prices
    """`state`: planned, in_force, superseded by a later one, or withdrawn before it began."""

    id: str
    product: str
    provider: str
    state: str


class ProductShown(Shown):
    """`active`: gateways take calls of it. What follows `prices` is for those who run it."""

    id: str
    provider: str
    state: str
    scale: str
    purposes: list[str]
    context_tokens: int
    max_output_tokens: int
    input_overhead_tokens: int
    data_location: str | None
    trains_on_input: bool | None
    retention_days: int | None
    on_client_gone: str
    active: bool
    prices: list[PriceShown]  # type: ignore[valid-type] # made of the names of prices
    upstream: list[UpstreamShown] = Field(default_factory=list)
    suspended_by: str | None = None
    missing: list[str] = Field(default_factory=list)
    returned_because: str | None = None


class CredentialShown(Shown):
    """Of an API key nothing but when it came and whether calls use it."""

    id: str
    product: str
    provider: str
    position: int
    base_url: str
    state: str
    added_at: str
    replaced_at: str | None


class NoticeShown(Shown):
    id: str
    company: str
    provider: str
    product: str
    kind: str
    detail: dict[str, Any]
    reason: str | None
    at: str
