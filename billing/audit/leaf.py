"""What a record is: which rows are in the log, with which columns, and the bytes that are hashed. Pure.

A record's line is its row in COPY text format, without the line end: what PostgreSQL takes when the row is
written and gives when it is exported. Its leaf data is the table's name, a tab, and that line. Changing a
column list, its order, or how a value is written changes every root made before: it needs another format
version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from billing.audit.merkle import root_of
from billing.posting_columns import DESCRIPTION_COLUMNS

USAGE_COLUMNS: Final = (
    *("op", "step", "entry_id", "lane", "n", "kind", "voucher_id", "programme_id"),
    *("charge_micro", "government_micro", "self_micro", "own_micro", "uncollected_micro"),
    *("from_loan_micro", "from_free_micro"),
    *("d_charge_micro", "d_government_micro", "d_self_micro", "d_uncollected_micro"),
    *("d_from_loan_micro", "d_from_free_micro"),
    *DESCRIPTION_COLUMNS,
)

# In the order in which a batch's leaves follow each other: what a row refers to comes before it.
RECORD_COLUMNS: Final = {
    "change": ("id", "kind", "row"),
    "entry": ("id", "kind", "programme_id", "voucher_id", "provider_id", "lane", "n"),
    "posting": ("entry_id", "leg", "account", "amount_micro"),
    "usage": USAGE_COLUMNS,
    "parked": ("lane", "stream_id", "kind", "op", "reason", "payload_sha256"),
}
RECORD_TABLES: Final = tuple(RECORD_COLUMNS)
BATCH_COLUMNS: Final = ("number", "root", *RECORD_TABLES, "at_ms", "previous")
NO_BATCH_BEFORE: Final = bytes(32)

_PREFIXES: Final = {table: b"\x00" + table.encode() + b"\t" for table in RECORD_TABLES}


def record_hash(table: str, line: bytes) -> bytes:
    """A record's leaf hash."""
    return sha256(_PREFIXES[table] + line).digest()


@dataclass(frozen=True, slots=True)
class Records:
    """The lines of one batch, in the order they are written."""

    usage: Sequence[bytes] = ()
    entry: Sequence[bytes] = ()
    posting: Sequence[bytes] = ()
    parked: Sequence[bytes] = ()

    def root(self) -> bytes:
        return root_of(list(self._leaves()))

    def _leaves(self) -> Iterator[bytes]:
        for table in ("entry", "posting", "usage", "parked"):
            prefix = _PREFIXES[table]
            for line in getattr(self, table):
                yield sha256(prefix + line).digest()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the log has it: `counts` in the order of RECORD_TABLES."""

    number: int
    root: bytes
    counts: tuple[int, ...]
    at_ms: int
    previous: bytes

    def line(self) -> bytes:
        """Its line of batch.tsv, without the line end."""
        counts = "\t".join(str(count) for count in self.counts)
        return (f"{self.number}\t{self.root.hex()}\t{counts}\t{self.at_ms}\t{self.previous.hex()}").encode()

    def leaf(self) -> bytes:
        """Its leaf hash in the log, which the next one names."""
        return sha256(b"\x00batch\t" + self.line()).digest()
