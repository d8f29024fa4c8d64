"""The end of a run, while the books can still be asked: an export, two checkers, and what they name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.chaos import evidence
from tests.chaos.calls import Calls
from tests.chaos.checker import check
from tests.chaos.final import export_books, read_books
from tests.chaos.history import Books, History, Voucher, write_books
from tests.chaos.house import ChaosHouse
from tests.chaos.verdicts import Verdicts
from tests.independent import checker as independent
from tests.independent.findings import Report

BUNDLE: Final = "books.zip"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`evidence`: by operation that a finding names, all that is known of it."""

    books: Books
    verdicts: Verdicts
    audit: Report
    evidence: Mapping[str, Any]


async def conclude(
    house: ChaosHouse,
    history: History,
    vouchers: tuple[Voucher, ...],
    *,
    out: Path,
    tell: int = 0,
) -> Conclusion:
    """The house is up and calm; `out` has the logs of its vendor and its clients."""
    books = await read_books(house, house.url, vouchers, vendor_log=out / "vendor.jsonl")
    write_books(books, out / "books.json")
    await asyncio.to_thread(export_books, house, out / BUNDLE)
    verdicts = await asyncio.to_thread(check, history, books)
    audit = await asyncio.to_thread(check_export, out)
    calls = Calls(history, books)
    served = dict.fromkeys(invoked.operation for invoked, _ in calls.completed())
    named = [*list(served)[:tell], *(finding.what for finding in verdicts.findings)]
    named += [f"{finding.row} {finding.field}" for finding in audit.findings]
    about = await evidence.gather(named, calls, house=house, out=out)
    return Conclusion(books, verdicts, audit, about)


def check_export(out: Path) -> Report:
    """The independent checker on the export and the two logs that the house did not write."""
    return independent.check(out / BUNDLE, vendor_log=out / "vendor.jsonl", client_log=out / "history.jsonl")
