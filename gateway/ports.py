"""What the gateway asks of the books besides the treasury. Implemented in billing, joined in launch.

All of it is scoped by company: a store never tells one company of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.balance import BookedVoucher
from metering.claim import ClaimOutcome


class BooksUnavailable(Exception):
    """The books cannot be reached. Nothing happened."""


class BadQuery(Exception):
    """A filter or a cursor that cannot be read. The text is one sentence for the caller."""


class Books(Protocol):
    async def vouchers(self, company_id: str) -> Sequence[BookedVoucher]: ...

    async def usage_page(self, company_id: str, filters: Mapping[str, str]) -> dict[str, Any]:
        """The contract's page. Raises BadQuery."""

    async def usage_one(self, company_id: str, usage_id: str) -> dict[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    company_id: str
    key_hash: bytes  # of API key, route and Idempotency-Key together: the key itself is not stored
    body_hash: bytes
    op: str
    gateway_id: str


class IdempotencyStore(Protocol):
    async def claim(self, request: ClaimRequest) -> ClaimOutcome: ...

    async def finish(self, request: ClaimRequest, op: str, sealed: bytes | None) -> None:
        """The call was charged. `sealed` None: the answer was too large to keep."""

    async def forget(self, request: ClaimRequest, *, keep_op: bool) -> None:
        """Our call cost nothing, or never began: its key may be used again, under `keep_op` with its op."""
