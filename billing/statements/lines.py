"""The lines of a month: sums of the books, rounded once each, with the rest of a won carried on. Pure.

One set of lines serves every statement: those of a company, a provider and a programme are choices among the
same lines, so that they agree to the won without being compared. A line is one product of one voucher in one
month of service; what came late or was corrected has a line of its own. What rounding leaves over is kept per
voucher and provider and is a line of the next month:

    rest after = rest before + sum of exact lines - sum of whole won
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from billing.statements.amounts import NOTHING, Amounts, in_micro, vat_won, whole_won
from billing.statements.month import Month

LineKind = Literal["usage", "correction", "rest"]


@dataclass(frozen=True, order=True, slots=True)
class Account:
    """Between whom a rest of a won is carried: a voucher and the provider it pays."""

    programme_id: str
    company_id: str
    voucher_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """Rows of the books of one month, summed. `service_month` is earlier where they came late."""

    account: Account
    product_id: str
    kind: LineKind
    service_month: Month
    calls: int
    exact_micro: Amounts


@dataclass(frozen=True, slots=True)
class Line:
    """`product_id` is empty for a rest."""

    month: Month
    account: Account
    product_id: str
    kind: LineKind
    service_month: Month
    calls: int
    exact_micro: Amounts
    won: Amounts

    @property
    def vat_won(self) -> int:
        return vat_won(self.won.supply)

    @property
    def total_won(self) -> int:
        return self.won.supply + self.vat_won

    @property
    def is_late(self) -> bool:
        return self.service_month != self.month


Rests = Mapping[Account, Amounts]


def lines_of(month: Month, sums: Iterable[LedgerSum], carried_micro: Rests) -> list[Line]:
    """In the order in which sheets show them; the rest that is carried in ends its account's lines."""
    lines = [
        _line(month, one.account, one.product_id, one.kind, one.service_month, one.calls, one.exact_micro)
        for one in sums
    ]
    lines += [
        _line(month, account, "", "rest", month, 0, rest_micro)
        for account, rest_micro in carried_micro.items()
        if rest_micro
    ]
    return sorted(lines, key=_place)


def rests_after(lines: Sequence[Line]) -> dict[Account, Amounts]:
    """What is carried on: never lost, and of each line less than a won."""
    rests: defaultdict[Account, Amounts] = defaultdict(lambda: NOTHING)
    for line in lines:
        rests[line.account] += line.exact_micro - in_micro(line.won)
    return {account: rest for account, rest in rests.items() if rest}


def months_folded(
    first: Month, last: Month, sums: Mapping[Month, Sequence[LedgerSum]], carried_micro: Rests
) -> dict[Month, list[Line]]:
    """The lines of several months in turn, each with what the one before leaves."""
    folded: dict[Month, list[Line]] = {}
    month = first
    while month <= last:
        folded[month] = lines_of(month, sums.get(month, ()), carried_micro)
        carried_micro = rests_after(folded[month])
        month = month.after()
    return folded


def _line(
    month: Month,
    account: Account,
    product_id: str,
    kind: LineKind,
    service_month: Month,
    calls: int,
    exact_micro: Amounts,
) -> Line:
    return Line(month, account, product_id, kind, service_month, calls, exact_micro, whole_won(exact_micro))


def _place(line: Line) -> tuple[object, ...]:
    return (line.account, line.kind == "rest", line.product_id, line.service_month, line.kind)
