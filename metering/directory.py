"""Who may call and what pays: companies, vouchers and API keys as the gateway sees them. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from metering.shares import Source

VoucherState = Literal["active", "suspended", "ended"]


@dataclass(frozen=True, slots=True)
class Company:
    company_id: str
    data_locations: frozenset[str] | None  # None: anywhere
    active: bool = True


@dataclass(frozen=True, slots=True)
class Voucher:
    """`starts_ms` and `ends_ms` are UTC; the voucher pays a call begun at t if starts_ms <= t < ends_ms."""

    voucher_id: str
    company_id: str
    programme_id: str
    products: frozenset[str] | None  # None: every product
    state: VoucherState
    starts_ms: int
    ends_ms: int
    share_ppm: int
    stopped_by: Source  # the source that is empty first, see shares.capacity
    government_granted_micro: int
    self_granted_micro: int


@dataclass(frozen=True, slots=True)
class KeyLimits:
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    krw_per_day_micro: int | None = None
    concurrent: int | None = None

    @property
    def any(self) -> bool:
        return not (
            self.requests_per_minute is None
            and self.tokens_per_minute is None
            and self.krw_per_day_micro is None
            and self.concurrent is None
        )


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`key_hash` is HMAC-SHA256(pepper, key): the key itself is kept nowhere."""

    key_id: str  # "<company>/<name>"
    key_hash: bytes
    company_id: str
    name: str
    products: frozenset[str] | None
    expires_ms: int | None
    revoked: bool
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] | None  # None: every address
    limits: KeyLimits
