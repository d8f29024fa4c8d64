"""A statement: one subject's lines of a month, with the parties and the tax invoices they lead to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from billing.reports.units import Unit
from billing.statements.amounts import NOTHING, Amounts
from billing.statements.lines import Line, rests_after
from billing.statements.month import Month

SubjectKind = Literal["company", "provider", "programme"]
State = Literal["provisional", "final"]
SUBJECT_KINDS: Final[tuple[SubjectKind, ...]] = ("company", "provider", "programme")


@dataclass(frozen=True, slots=True)
class Subject:
    kind: SubjectKind
    id: str

    def has(self, line: Line) -> bool:
        owner: str = getattr(line.account, f"{self.kind}_id")
        return owner == self.id


@dataclass(frozen=True, slots=True)
class Party:
    """A company or a provider as a tax invoice names it. `brn`: ten digits, checked where it was entered."""

    id: str
    name: str
    brn: str | None


@dataclass(frozen=True, slots=True)
class Directory:
    """The names that a statement's ids stand for."""

    companies: Mapping[str, Party]
    providers: Mapping[str, Party]
    programmes: Mapping[str, str]
    shares_ppm: Mapping[str, int]  # by voucher
    units: Mapping[str, Unit] = field(default_factory=dict)  # of products that are reported, not proxied


@dataclass(frozen=True, slots=True)
class TaxInvoice:
    """What a tax invoice (세금계산서) of the month needs of us: supplier, buyer, amounts, the date it is of.

    It is the supplier who issues it. What a party has not registered is None, and `missing` names it.
    """

    supplier: Party
    buyer: Party
    written_on: date
    supply_won: int
    vat_won: int
    items: tuple[Line, ...]

    @property
    def total_won(self) -> int:
        return self.supply_won + self.vat_won

    @property
    def missing(self) -> tuple[str, ...]:
        sides = (("supplier", self.supplier), ("buyer", self.buyer))
        return tuple(f"{side}.brn" for side, party in sides if party.brn is None)


@dataclass(frozen=True, slots=True)
class Statement:
    subject: Subject
    month: Month
    state: State
    lines: tuple[Line, ...]
    directory: Directory
    lines_sha256: str | None = None  # of the whole month's lines, in the log of the books since its close

    @property
    def number(self) -> str:
        return f"{self.month}-{self.subject.kind}-{self.subject.id}"

    @property
    def calls(self) -> int:
        return sum(line.calls for line in self.lines)

    @property
    def won(self) -> Amounts:
        return _sum(line.won for line in self.lines)

    @property
    def vat_won(self) -> int:
        return sum(line.vat_won for line in self.lines)

    @property
    def total_won(self) -> int:
        return self.won.supply + self.vat_won

    @property
    def exact_micro(self) -> Amounts:
        """The lines' exact amounts, the rest carried in among them."""
        return _sum(line.exact_micro for line in self.lines)

    @property
    def booked_micro(self) -> Amounts:
        """What the ledger has of this month: without the rest of the one before."""
        return _sum(line.exact_micro for line in self.lines if line.kind != "rest")

    @property
    def rest_micro(self) -> Amounts:
        """What is carried into the next month."""
        return _sum(rests_after(self.lines).values())

    @property
    def tax_invoices(self) -> tuple[TaxInvoice, ...]:
        """One per provider and company. VAT is the sum of the lines', as an invoice's items have it."""
        grouped: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines:
            grouped.setdefault((line.account.provider_id, line.account.company_id), []).append(line)
        return tuple(
            TaxInvoice(
                supplier=self.directory.providers[provider_id],
                buyer=self.directory.companies[company_id],
                written_on=self.month.last_day,
                supply_won=sum(line.won.supply for line in lines),
                vat_won=sum(line.vat_won for line in lines),
                items=tuple(lines),
            )
            for (provider_id, company_id), lines in sorted(grouped.items())
            if any(line.won.supply for line in lines)
        )


def statement_of(
    subject: Subject,
    month: Month,
    state: State,
    lines: Sequence[Line],
    directory: Directory,
    *,
    lines_sha256: str | None = None,
) -> Statement:
    own = tuple(line for line in lines if subject.has(line))
    return Statement(subject, month, state, own, directory, lines_sha256)


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    total = NOTHING
    for one in amounts:
        total += one
    return total
