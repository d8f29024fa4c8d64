"""What planning a declaration takes and gives. Values only; billing.declaration.planning does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from billing.declaration.findings import Finding
from billing.declaration.grants import Grants
from billing.declaration.models import Declared
from billing.declaration.reading import Entry
from billing.declaration.rows import (
    ApiKeyRow,
    CompanyRow,
    PersonRow,
    ProductRow,
    ProgrammeRow,
    ProviderRow,
    Stored,
    VoucherRow,
)

R = TypeVar("R", bound=Stored)


@dataclass(frozen=True, slots=True)
class Means:
    """What planning needs beside the entries and the store: who makes keys, hashes and judges addresses."""

    now: datetime
    make_key: Callable[[], str]
    key_hash: Callable[[str], bytes]
    hash_password: Callable[[str], str]
    is_password: Callable[[str, str], bool]  # (hash, password)
    refusal_of_base_url: Callable[[str], str | None]


@dataclass(slots=True)
class Directory:
    """What is stored, as far as the entries touch it; and, while planning goes on, what will be."""

    programmes: dict[str, ProgrammeRow] = field(default_factory=dict)
    closed_programmes: set[str] = field(default_factory=set)  # which the office closed for good
    providers: dict[str, ProviderRow] = field(default_factory=dict)
    products: dict[str, ProductRow] = field(default_factory=dict)
    companies: dict[str, CompanyRow] = field(default_factory=dict)
    vouchers: dict[str, VoucherRow] = field(default_factory=dict)
    settled_vouchers: set[str] = field(default_factory=set)  # whose settlement has begun
    api_keys: dict[str, ApiKeyRow] = field(default_factory=dict)
    people: dict[str, PersonRow] = field(default_factory=dict)
    product_ids: set[str] = field(default_factory=set)
    key_owners: dict[bytes, str] = field(default_factory=dict)  # of the keys the entries give
    grants: Grants = field(default_factory=Grants)


@dataclass(frozen=True, slots=True)
class Change(Generic[R]):
    entry: Entry[Declared]
    before: R | None
    after: R

    @property
    def name(self) -> str:
        return f"{self.entry.declared.KIND}/{self.entry.declared.key}"


@dataclass(frozen=True, slots=True)
class MadeKey:
    """An API key that exists since now. It is shown once."""

    company: str
    name: str
    key: str = field(repr=False)


@dataclass(slots=True)
class Plan:
    """Everything that changes, in the order in which it must be written."""

    programmes: list[Change[ProgrammeRow]] = field(default_factory=list)
    providers: list[Change[ProviderRow]] = field(default_factory=list)
    products: list[Change[ProductRow]] = field(default_factory=list)
    companies: list[Change[CompanyRow]] = field(default_factory=list)
    vouchers: list[Change[VoucherRow]] = field(default_factory=list)
    api_keys: list[Change[ApiKeyRow]] = field(default_factory=list)
    people: list[Change[PersonRow]] = field(default_factory=list)
    made_keys: list[MadeKey] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def changes(self) -> list[Change[Any]]:
        return [
            *self.programmes,
            *self.providers,
            *self.products,
            *self.companies,
            *self.vouchers,
            *self.api_keys,
            *self.people,
        ]
