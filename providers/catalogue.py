"""The catalogue: what a caller may name as `model`, and where calls to it go. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from metering.prices import PriceEntry


@dataclass(frozen=True, slots=True)
class UpstreamTarget:
    """One place a product's calls can go. `api_key` is the vendor credential in clear: never logged."""

    target_id: str  # "<product>/<position>"
    dialect: str
    vendor: str | None
    base_url: str  # as the vendor's own SDK takes it, without a trailing slash
    model: str
    api_key: str | None
    priority: int = 1
    weight: int = 1
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 60.0
    idle_timeout_s: float = 60.0

    def __repr__(self) -> str:
        return f"UpstreamTarget({self.target_id} {self.dialect} {self.base_url} {self.model})"


@dataclass(frozen=True, slots=True)
class Product:
    product_id: str
    provider_id: str
    scale: str
    purposes: frozenset[str]
    context_tokens: int
    max_output_tokens: int
    input_overhead_tokens: int
    data_location: str | None
    on_client_gone: str  # drain | cancel
    upstreams: tuple[UpstreamTarget, ...]
    prices: tuple[PriceEntry, ...]  # sorted by start
    active: bool = True
    created_s: int = 0
