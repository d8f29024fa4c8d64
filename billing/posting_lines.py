"""A usage row as a line of the log of the books, which is also what COPY gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from billing.posting_columns import NULL, copy_text
from billing.posting_state import Booked, UsageRow

OWN_MICRO: Final = 0  # no company pays beyond its voucher yet


def usage_line(row: UsageRow, entry_ids: Sequence[int | None]) -> bytes:
    """One row in the order of USAGE_COLUMNS: what is hashed, and what COPY gets but for the batch."""
    charge, now = row.charge, row.now
    entry = None if row.group is None else entry_ids[row.group]
    paid = f"{now.government_micro}\t{now.self_micro}"
    sources = f"{now.uncollected_micro}\t{now.from_loan_micro}\t{now.from_free_micro}"
    moved = f"{now.charge_micro}\t{paid}\t{sources}" if now.step == 0 else _moved(now, row.before)
    return (
        f"{charge.op_text}\t{now.step}\t{NULL if entry is None else entry}\t{charge.lane}\t{charge.n}"
        f"\t{charge.kind}\t{charge.voucher_text}\t{_programme_text(row.programme_id)}\t{now.charge_micro}"
        f"\t{paid}\t{OWN_MICRO}\t{sources}\t{moved}\t{charge.columns}"
    ).encode()


def _moved(now: Booked, before: Booked) -> str:
    return (
        f"{now.charge_micro - before.charge_micro}"
        f"\t{now.government_micro - before.government_micro}\t{now.self_micro - before.self_micro}"
        f"\t{now.uncollected_micro - before.uncollected_micro}"
        f"\t{now.from_loan_micro - before.from_loan_micro}"
        f"\t{now.from_free_micro - before.from_free_micro}"
    )


@lru_cache(maxsize=1000)
def _programme_text(programme_id: str) -> str:
    return copy_text(programme_id)
