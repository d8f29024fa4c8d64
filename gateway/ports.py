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


@dataclass(frozen=True, slots=True)
class StoredThing:
    """Something that a vendor keeps: whose it is, and which upstream has it."""

    kind: str  # "response", "file", ...
    vendor_id: str
    company_id: str
    product_id: str
    target_id: str
    base_url: str  # of the upstream: an id is its vendor's own
    op: str  # the call that made it


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file or a batch: a thing that lists show. `shown` is what its company was told last."""

    thing: StoredThing
    shown: bytes  # a JSON object
    purpose: str = ""  # of a file
    size_bytes: int = 0
    expires_s: int | None = None  # at the vendor; since 1970
    bounds: str | None = None  # of a batch's input: what it may cost, as JSON
    input_file: str | None = None  # of a batch


@dataclass(frozen=True, slots=True)
class PageAsked:
    """A page of a list. `products` are those that the API key may use; None: all."""

    kind: str
    limit: int
    after: str | None = None
    oldest_first: bool = False
    purpose: str | None = None
    products: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a company has. Results of batches are not counted."""

    files: int
    file_bytes: int
    open_batches: int


class StoredObjects(Protocol):
    """Every method raises BooksUnavailable. What was deleted or has expired is in no answer."""

    async def add(self, one: StoredObject, *, gateway_id: str, call: str | None = None) -> bool:
        """Bound and listed, in one step; again it does no harm. As `StoredThings.bind`."""

    async def seek(self, thing: StoredThing, *, gateway_id: str, call: str) -> None:
        """Its call is being made: it goes on, under a name that no vendor gives, until `add` says another."""

    async def made_by(self, company_id: str, kind: str, op: str) -> tuple[StoredObject | None, bool]:
        """What a call has made, as far as its id is known; and whether the call goes on."""

    async def find(self, company_id: str, kind: str, vendor_id: str) -> StoredObject | None: ...

    async def show(self, thing: StoredThing, shown: bytes, *, instead_of: bytes | None = None) -> None:
        """What its company is told from now on; unless it was told something else than `instead_of` since."""

    async def delete(self, thing: StoredThing) -> None:
        """The vendor has deleted it."""

    async def page(self, company_id: str, asked: PageAsked) -> tuple[Sequence[bytes], bool] | None:
        """(what is shown, whether more follows); None: there is no such thing to go on from."""

    async def totals(self, company_id: str) -> Totals: ...

    async def is_in_use(self, thing: StoredThing) -> bool:
        """Whether a batch that goes on needs this file: it reads it, or wrote it and is not charged yet."""


class StoredThings(Protocol):
    """Every method raises BooksUnavailable."""

    async def bind(self, thing: StoredThing, *, gateway_id: str, call: str | None) -> bool:
        """It is the company's from now on. `call`: it goes on, and this gateway follows it; said again, the
        later word counts.

        False: the id was another company's before, and stays so.
        """

    async def find(self, company_id: str, kind: str, vendor_id: str) -> tuple[StoredThing, bool] | None:
        """The company's own, and whether its call still goes on."""

    async def delete(self, thing: StoredThing) -> None:
        """The vendor has deleted it."""

    async def note_delivered(self, op: str, tokens: int) -> None:
        """So much of a call that goes on was read by a client; the most that was noted stays."""

    async def delivered(self, op: str) -> int:
        """The most that was noted."""

    async def note_end(self, op: str) -> None:
        """Somebody saw that the call is over: its gateway shall ask."""

    async def take_ends(self, gateway_id: str) -> Sequence[str]:
        """The calls that this gateway follows whose end was seen, each told once."""

    async def finish(self, op: str) -> None:
        """The call has ended, and its end is written down."""

    async def hand_on(self, gateway_id: str) -> None:
        """This gateway stops: what it follows is for whoever comes first."""

    async def claim(
        self, gateway_id: str, *, but: Sequence[str] | None = None
    ) -> Sequence[tuple[StoredThing, str]]:
        """What nobody follows any more, with its call: this gateway's from now on.

        `but`: also what is its own already, except these calls.
        """
