"""Grants against a programme's budget and its cap per company. Pure.

The government's parts of all vouchers count, also of those the file does not name; what an ended voucher gave
back to the budget does not, unless the file brings the voucher back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from billing.declaration import models
from billing.declaration.findings import Finding
from billing.declaration.reading import Reading
from billing.declaration.rows import ProgrammeRow, VoucherRow
from billing.directory_time import period_ms
from metering.money import format_krw


@dataclass(frozen=True, slots=True)
class Ended:
    """A voucher of a programme that the file names, without being named; what its grant gave back."""

    programme_id: str
    company_id: str
    ends_on: date | None
    expired_micro: int


@dataclass(slots=True)
class Grants:
    """`others`: by (programme, company), of vouchers the file does not name. `returned`: by voucher."""

    others: dict[tuple[str, str], int] = field(default_factory=dict)
    returned: dict[str, int] = field(default_factory=dict)
    ended: tuple[Ended, ...] = ()


def judge_grants(
    reading: Reading,
    programmes: Mapping[str, ProgrammeRow],
    vouchers: Mapping[str, VoucherRow],
    grants: Grants,
    *,
    now_ms: int,
) -> Iterator[Finding]:
    """The voucher that goes beyond is named; where none in the file does, the programme is."""
    of_company = _of_others(programmes, grants, now_ms)
    of_programme: Counter[str] = Counter()
    for (programme_id, _), amount_micro in of_company.items():
        of_programme[programme_id] += amount_micro
    broken: set[tuple[str, str]] = set()
    for entry in reading.of(models.Voucher):
        voucher = vouchers.get(entry.declared.id)
        if voucher is None or ("voucher", voucher.id) in reading.unjudged:
            continue
        programme = programmes.get(voucher.programme_id)
        if programme is None or ("programme", programme.id) in reading.unjudged:
            continue
        granted_micro = voucher.government_micro
        if _is_over(programme, voucher.ends_on, now_ms):
            granted_micro -= grants.returned.get(voucher.id, 0)
        of_programme[programme.id] += granted_micro
        of_company[programme.id, voucher.company_id] += granted_micro
        for what, total_micro, most_micro in (
            ("budget", of_programme[programme.id], programme.budget_micro),
            ("cap per company", of_company[programme.id, voucher.company_id], programme.max_voucher_micro),
        ):
            if total_micro > most_micro:
                broken.add((programme.id, what))
                yield entry.finding(_beyond(programme.id, what, total_micro, most_micro), "government_krw")
    yield from _of_programmes(reading, programmes, of_programme, of_company, broken)


def _of_programmes(
    reading: Reading,
    programmes: Mapping[str, ProgrammeRow],
    of_programme: Counter[str],
    of_company: Counter[tuple[str, str]],
    broken: set[tuple[str, str]],
) -> Iterator[Finding]:
    for programme_entry in reading.of(models.Programme):
        programme = programmes.get(programme_entry.declared.id)
        if programme is None or ("programme", programme.id) in reading.unjudged:
            continue
        largest = max((of_company[key] for key in of_company if key[0] == programme.id), default=0)
        if of_programme[programme.id] > programme.budget_micro and (programme.id, "budget") not in broken:
            reason = _beyond(programme.id, "budget", of_programme[programme.id], programme.budget_micro)
            yield programme_entry.finding(reason, "budget_krw")
        if largest > programme.max_voucher_micro and (programme.id, "cap per company") not in broken:
            reason = _beyond(programme.id, "cap per company", largest, programme.max_voucher_micro)
            yield programme_entry.finding(reason, "max_voucher_krw")


def _of_others(
    programmes: Mapping[str, ProgrammeRow], grants: Grants, now_ms: int
) -> Counter[tuple[str, str]]:
    """With what a programme's new last day brings back."""
    found = Counter(grants.others)
    for one in grants.ended:
        if not _is_over(programmes[one.programme_id], one.ends_on, now_ms):
            found[one.programme_id, one.company_id] += one.expired_micro
    return found


def _is_over(programme: ProgrammeRow, ends_on: date | None, now_ms: int) -> bool:
    period = (programme.starts_on, programme.ends_on)
    return period_ms(programme=period, voucher=(None, ends_on))[1] <= now_ms


def _beyond(programme_id: str, what: str, total_micro: int, most_micro: int) -> str:
    return (
        f"the grants of programme {programme_id} come to {format_krw(total_micro)} won,"
        f" above its {what} of {format_krw(most_micro)} won"
    )
