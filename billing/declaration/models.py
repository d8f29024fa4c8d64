"""What a declaration may say: one model per kind, strict, unknown fields refused. Pure.

Only what names a thing is always required. What else a kind requires (REQUIRED) is asked for when the thing
is made: an entry for something that exists names what changes, and what it leaves out stays. `null` gives a
field its default again. A list, `shares` and `limits` are one value each, replaced whole; only `prices` grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from billing.declaration.fields import (
    Amount,
    Brn,
    Budget,
    Countries,
    Country,
    Credential,
    Day,
    Days,
    Email,
    Id,
    KeyText,
    Label,
    Name,
    Natural,
    Networks,
    Password,
    Positive,
    Products,
    Rank,
    Share,
    Strict,
    TimeoutMs,
    Url,
    Weight,
    When,
    Word,
)
from billing.declaration.price_models import PriceListEntry

Scale = Literal["small", "medium", "large", "hyperscale"]
Purpose = Literal["chat", "completion", "embedding", "image", "speech", "transcription", "rerank"]
Dialect = Literal["openai", "anthropic", "gemini", "clova", "bedrock", "cohere", "ollama"]
PURPOSES_WITH_OUTPUT: Final = frozenset({"chat", "completion"})


class Declared(Strict):
    """An entry of a kind. `COLUMNS` renames fields to what the stored row calls them."""

    KIND: ClassVar[str]
    REQUIRED: ClassVar[frozenset[str]] = frozenset()
    COLUMNS: ClassVar[Mapping[str, str]] = {}

    @property
    def key(self) -> str:
        """The id within the kind."""
        return str(getattr(self, "id"))  # noqa: B009 - the kinds without an id override this

    def lacking(self) -> list[str]:
        """What making the thing requires and the entry leaves out."""
        fields = type(self).model_fields
        named = {fields[name].alias or name for name in self.model_fields_set}
        return sorted(self.REQUIRED - named)

    def given(self) -> dict[str, Any]:
        """What the entry says, by column; None where it asks for the default."""
        return {self.COLUMNS.get(name, name): getattr(self, name) for name in self.model_fields_set}


class Programme(Declared):
    KIND = "programme"
    REQUIRED = frozenset({"name", "budget_krw", "max_voucher_krw", "starts_on", "ends_on", "shares"})
    COLUMNS: ClassVar = {"budget_krw": "budget_micro", "max_voucher_krw": "max_voucher_micro"}

    id: Id
    name: Name | None = None
    legal_basis: Literal["보조금", "출연금"] | None = None
    budget_krw: Budget | None = None
    max_voucher_krw: Budget | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    shares: Annotated[dict[Label, Share], Field(min_length=1)] | None = None


class Provider(Declared):
    KIND = "provider"
    REQUIRED = frozenset({"name"})

    id: Id
    name: Name | None = None
    brn: Brn | None = None


class Upstream(Strict):
    """One place of a product's calls. Listed whole, so its own fields are required or have a default."""

    dialect: Dialect
    vendor: Word | None = None
    base_url: Url
    model: Word
    api_key: Credential | None = None
    priority: Rank = 1
    weight: Weight = 1
    connect_timeout_ms: TimeoutMs = Field(default=5_000, alias="connect_timeout_s")
    first_byte_timeout_ms: TimeoutMs = Field(default=60_000, alias="first_byte_timeout_s")
    idle_timeout_ms: TimeoutMs = Field(default=60_000, alias="idle_timeout_s")


class Product(Declared):
    KIND = "product"
    REQUIRED = frozenset(
        {"provider", "scale", "purposes", "context_tokens", "max_output_tokens", "upstream", "prices"}
    )
    COLUMNS: ClassVar = {"provider": "provider_id", "upstream": "upstreams"}

    id: Id
    provider: Id | None = None
    scale: Scale | None = None
    purposes: Annotated[list[Purpose], Field(min_length=1)] | None = None
    context_tokens: Positive | None = None
    max_output_tokens: Natural | None = None
    input_overhead_tokens: Natural | None = None
    data_location: Country | None = None
    trains_on_input: bool | None = None
    retention_days: Days | None = None
    on_client_gone: Literal["drain", "cancel"] | None = None
    active: bool | None = None
    upstream: Annotated[list[Upstream], Field(min_length=1, max_length=100)] | None = None
    prices: Annotated[list[PriceListEntry], Field(min_length=1)] | None = None


class ProductDraft(Product):
    """What its provider has of it so far. Its price list is kept apart until it is on sale."""

    REQUIRED = Product.REQUIRED - {"upstream", "prices"}


class Company(Declared):
    KIND = "company"
    REQUIRED = frozenset({"name", "class"})
    COLUMNS: ClassVar = {"class_": "class_name"}

    id: Id
    name: Name | None = None
    brn: Brn | None = None
    class_: Label | None = Field(default=None, alias="class")
    data_locations: Countries | None = None
    active: bool | None = None


class Voucher(Declared):
    KIND = "voucher"
    REQUIRED = frozenset({"company", "programme", "government_krw"})
    COLUMNS: ClassVar = {
        "company": "company_id",
        "programme": "programme_id",
        "government_krw": "government_micro",
        "self_deposit_krw": "self_micro",
    }

    id: Id
    company: Id | None = None
    programme: Id | None = None
    government_krw: Amount | None = None
    self_deposit_krw: Amount | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    products: Products | None = None
    state: Literal["active", "suspended"] | None = None


class Limits(Strict):
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    krw_per_day: Amount | None = None
    concurrent: Positive | None = None


class ApiKey(Declared):
    KIND = "api_key"
    COLUMNS: ClassVar = {"company": "company_id"}

    company: Id
    name: Label
    key_text: KeyText | None = Field(default=None, alias="key", repr=False)
    products: Products | None = None
    expires_at: When | None = None
    allowed_ips: Networks | None = None
    limits: Limits | None = None
    revoked: bool | None = None

    @property
    def key(self) -> str:
        return f"{self.company}/{self.name}"


class User(Declared):
    KIND = "user"
    REQUIRED = frozenset({"role"})

    email: Email
    role: Literal["company", "provider", "operator", "auditor"] | None = None
    company: Id | None = None
    provider: Id | None = None
    password: Password | None = Field(default=None, repr=False)

    @property
    def key(self) -> str:
        return self.email


# The file's sections, in the order in which they are applied.
SECTIONS: Final[Mapping[str, type[Declared]]] = {
    "programmes": Programme,
    "providers": Provider,
    "products": Product,
    "companies": Company,
    "vouchers": Voucher,
    "api_keys": ApiKey,
    "users": User,
}
