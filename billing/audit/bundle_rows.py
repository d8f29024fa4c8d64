"""A bundle's rows, handed out batch by batch, and the report of what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from billing.audit.bundle_files import TABLE_FILES, BundleFiles, Measured
from billing.audit.leaf import NO_BATCH_BEFORE, RECORD_TABLES, Batch
from billing.audit.manifest import Manifest
from billing.audit.values import whole

FINDINGS_MAX: Final = 100


class Enough(Exception):
    """So many findings that more say nothing."""


@dataclass(slots=True)
class Report:
    """`findings` is empty where the bundle is sound."""

    manifest: Manifest
    findings: list[str] = field(default_factory=list)
    records: int = 0
    heads: int = 0

    def find(self, finding: str) -> None:
        self.findings.append(finding)
        if len(self.findings) >= FINDINGS_MAX:
            raise Enough


class Rows:
    """The rows of one table, handed out batch by batch."""

    def __init__(self, files: BundleFiles, name: str, report: Report) -> None:
        self.measured = Measured()
        self.rows = 0
        self._lines = files.lines(name, self.measured)
        judge_columns(name, next(self._lines, b""), report)
        self._next: tuple[bytes, bytes] | None = None
        self._advance()

    def take(self, number: int) -> Iterator[bytes]:
        asked = b"%d" % number
        while self._next is not None and self._next[0] == asked:
            yield self._next[1]
            self._advance()

    def skip_rest(self) -> int:
        left = 0
        while self._next is not None:
            left += 1
            self._advance()
        return left

    def _advance(self) -> None:
        line = next(self._lines, None)
        if line is None:
            self._next = None
            return
        self.rows += 1
        number, _, record = line.partition(b"\t")
        self._next = (number, record)


def judge_columns(name: str, line: bytes, report: Report) -> None:
    if line != "\t".join(TABLE_FILES[name]).encode():
        report.find(f"{name}: its first line is not the columns of the format")


def read_batch(line: bytes) -> Batch | None:
    try:
        number, root, *counts, at_ms, previous = line.decode().split("\t")
        batch = Batch(
            whole(number),
            bytes.fromhex(root),
            tuple(map(whole, counts)),
            whole(at_ms),
            bytes.fromhex(previous),
        )
    except ValueError:
        return None
    return batch if len(counts) == len(RECORD_TABLES) and batch.line() == line else None


def read_hash(text: bytes) -> bytes | None:
    try:
        found = bytes.fromhex(text.decode())
    except ValueError:
        return None
    return found if found.hex().encode() == text and len(found) == len(NO_BATCH_BEFORE) else None
