"""The directory as this process knows it: keys, companies, vouchers, products. A snapshot, kept fresh.

Changes come as deltas by revision and are in force within a second of their commit; a call that has begun
keeps what it was admitted under.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from metering.directory import ApiKey, Company, Voucher
from providers.catalogue import Product


class Delta(Protocol):
    """All that changed since a revision. A thing is never removed, only revoked, ended or made inactive."""

    @property
    def revision(self) -> int: ...
    @property
    def companies(self) -> Sequence[Company]: ...
    @property
    def vouchers(self) -> Sequence[Voucher]: ...
    @property
    def api_keys(self) -> Sequence[ApiKey]: ...
    @property
    def products(self) -> Sequence[Product]: ...


class DirectorySource(Protocol):
    async def changes_since(self, revision: int) -> Delta | None:
        """What changed; None where nothing did."""


class Directory:
    def __init__(self) -> None:
        self.revision = 0
        self.products: dict[str, Product] = {}
        self._companies: dict[str, Company] = {}
        self._keys: dict[bytes, ApiKey] = {}
        self._hash_of_key: dict[str, bytes] = {}
        self._vouchers: dict[str, dict[str, Voucher]] = {}
        self._ordered: dict[str, tuple[Voucher, ...]] = {}

    def key_by_hash(self, key_hash: bytes) -> ApiKey | None:
        return self._keys.get(key_hash)

    def company(self, company_id: str) -> Company | None:
        return self._companies.get(company_id)

    def vouchers_of(self, company_id: str) -> tuple[Voucher, ...]:
        """In the order in which they pay: earliest end first."""
        return self._ordered.get(company_id, ())

    def apply(self, delta: Delta) -> None:
        for product in delta.products:
            self.products[product.product_id] = product
        for company in delta.companies:
            self._companies[company.company_id] = company
        for key in delta.api_keys:
            former = self._hash_of_key.get(key.key_id)
            if former is not None and former != key.key_hash:
                self._keys.pop(former, None)
            self._hash_of_key[key.key_id] = key.key_hash
            self._keys[key.key_hash] = key
        for voucher in delta.vouchers:
            mine = self._vouchers.setdefault(voucher.company_id, {})
            mine[voucher.voucher_id] = voucher
            self._ordered[voucher.company_id] = tuple(
                sorted(mine.values(), key=lambda v: (v.ends_ms, v.voucher_id))
            )
        self.revision = delta.revision
