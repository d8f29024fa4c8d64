"""Entries and their postings as lines of the log of the books. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from billing.ledger.journal import Entry
from billing.posting_columns import NULL, copy_text

Numbered = Iterable[tuple[int, Entry]]


def entry_lines(entries: Numbered) -> list[bytes]:
    return [
        "\t".join(
            (
                str(entry_id),
                entry.kind,
                copy_text(entry.programme_id),
                copy_text(entry.voucher_id),
                NULL if entry.provider_id is None else copy_text(entry.provider_id),
                NULL if entry.lane is None else str(entry.lane),
                NULL if entry.n is None else str(entry.n),
            )
        ).encode()
        for entry_id, entry in entries
    ]


def posting_lines(entries: Numbered) -> list[bytes]:
    return [
        f"{entry_id}\t{leg}\t{copy_text(posting.account)}\t{posting.amount_micro}".encode()
        for entry_id, entry in entries
        for leg, posting in enumerate(entry.postings)
    ]
