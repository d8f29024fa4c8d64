"""The things of the directory as they are stored, and an entry laid over one of them. Values only.

The defaults of a row's fields are the defaults of the declaration: a field that has none is required when the
thing is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, ClassVar, Final, TypeVar

from billing.declaration.models import Upstream
from billing.declaration.price_rows import PriceRow

INPUT_OVERHEAD_TOKENS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    TABLE: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]] = ("id",)
    APART: ClassVar[frozenset[str]] = frozenset()  # fields that are rows of other tables


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeRow(Stored):
    TABLE = "programme"
    APART = frozenset({"shares"})

    id: str
    name: str
    legal_basis: str | None = None
    budget_micro: int
    max_voucher_micro: int
    starts_on: date
    ends_on: date
    shares: Mapping[str, int]  # class -> parts per million


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow(Stored):
    TABLE = "provider"

    id: str
    name: str
    brn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRow:
    dialect: str
    vendor: str | None
    base_url: str
    model: str
    api_key: str | None = field(repr=False)
    priority: int
    weight: int
    connect_timeout_ms: int
    first_byte_timeout_ms: int
    idle_timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRow(Stored):
    TABLE = "product"
    APART = frozenset({"upstreams", "prices"})

    id: str
    provider_id: str
    scale: str
    purposes: tuple[str, ...]
    context_tokens: int
    max_output_tokens: int
    input_overhead_tokens: int = INPUT_OVERHEAD_TOKENS
    data_location: str | None = None
    trains_on_input: bool | None = None
    retention_days: int | None = None
    on_client_gone: str = "drain"
    active: bool = True
    created_at: datetime
    upstreams: tuple[UpstreamRow, ...]
    prices: tuple[PriceRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyRow(Stored):
    TABLE = "company"

    id: str
    name: str
    brn: str | None = None
    class_name: str
    data_locations: tuple[str, ...] | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherRow(Stored):
    """`class_name` and `share_ppm` are those of the day the voucher was made."""

    TABLE = "voucher"

    id: str
    company_id: str
    programme_id: str
    class_name: str
    share_ppm: int
    government_micro: int
    self_micro: int = 0
    starts_on: date | None = None
    ends_on: date | None = None
    products: tuple[str, ...] | None = None
    state: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRow(Stored):
    TABLE = "api_key"
    KEY = ("company_id", "name")

    company_id: str
    name: str
    key_hash: bytes
    last_characters: str
    products: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    allowed_ips: tuple[str, ...] | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    revoked: bool = False
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow(Stored):
    TABLE = "person"
    KEY = ("email",)

    email: str
    role: str
    company: str | None = None
    provider: str | None = None
    password_hash: str | None = field(default=None, repr=False)


R = TypeVar("R", bound=Stored)


def laid_over(kind: type[R], stored: R | None, given: Mapping[str, Any]) -> R:
    """The row after the entry: what it says, its default where it says null, and the rest as it is."""
    defaults = {
        f.name: {} if f.default is MISSING else f.default  # the one factory makes a mapping
        for f in fields(kind)
        if f.default is not MISSING or f.default_factory is not MISSING
    }
    values = {name: defaults[name] if value is None else value for name, value in given.items()}
    return kind(**values) if stored is None else replace(stored, **values)


def upstream_row(upstream: Upstream) -> UpstreamRow:
    return UpstreamRow(**{f.name: getattr(upstream, f.name) for f in fields(UpstreamRow)})
