"""`verify`: whether a bundle is whole, unchanged, signed, and right. Offline; needs nothing but its files.

Findings are sentences that name the file and the batch. A rebuilt root says that a batch was changed, not
where in it; what a single record contradicts is said beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from billing.audit.bundle_files import (
    BALANCES,
    BATCHES,
    FILES,
    FUNDS,
    HEADS,
    MANIFEST,
    SIGNATURE,
    TABLE_FILES,
    BundleFiles,
    Damaged,
    Measured,
)
from billing.audit.head import BadHead, TreeHead, VerifierKey
from billing.audit.leaf import NO_BATCH_BEFORE, RECORD_TABLES, Batch, record_hash
from billing.audit.manifest import Manifest
from billing.audit.merkle import Tree
from billing.audit.rebuilding import Rebuilt, Unfit, whole
from billing.posting_columns import copy_text

FINDINGS_MAX: Final = 100

Progress = Callable[[int, int], None]  # batches done, batches in all


class _Enough(Exception):
    """So many findings that more say nothing."""


@dataclass(slots=True)
class Report:
    """`findings` is empty where the bundle is sound."""

    manifest: Manifest
    findings: list[str] = field(default_factory=list)
    records: int = 0
    usage_rows: int = 0
    heads: int = 0

    def find(self, finding: str) -> None:
        self.findings.append(finding)
        if len(self.findings) >= FINDINGS_MAX:
            raise _Enough


def verify_bundle(
    files: BundleFiles,
    *,
    known_heads: Sequence[TreeHead] = (),
    expected_key: VerifierKey | None = None,
    progress: Progress = lambda done, whole: None,
) -> Report:
    """`known_heads`: heads handed out before, which the bundle must agree with. Raises NotABundle."""
    data = files.small(MANIFEST)
    manifest = Manifest.read(data)
    report = Report(manifest)
    signature = files.small(SIGNATURE).decode("ascii", "replace")
    try:
        if set(files.names) != {*FILES, MANIFEST, SIGNATURE} or len(files.names) != len(set(files.names)):
            unlike = sorted({*FILES, MANIFEST, SIGNATURE} ^ set(files.names))
            report.find(
                f"the bundle's files are not those of the format: {', '.join(unlike) or 'one is twice'}"
            )
        if not manifest.key.has_signed_manifest(signature, data):
            report.find("manifest.sig: not a signature of the manifest's key over manifest.json")
        if expected_key is not None and manifest.key != expected_key:
            report.find(f"manifest.json: signed by {manifest.key}, not by the key expected")
        _Verification(files, manifest, report, known_heads, progress).run()
    except Damaged as damaged:
        report.findings.append(str(damaged))
    except _Enough:
        report.findings.append("and more: the rest was not looked at")
    return report


class _Verification:
    def __init__(
        self,
        files: BundleFiles,
        manifest: Manifest,
        report: Report,
        known_heads: Sequence[TreeHead],
        progress: Progress,
    ) -> None:
        self._files = files
        self._manifest = manifest
        self._report = report
        self._find = report.find
        self._known_heads = known_heads
        self._progress = progress
        self._rebuilt = Rebuilt()
        self._roots: dict[int, bytes] = {}  # at the sizes of heads

    def run(self) -> None:
        heads = self._read_heads()
        self._walk_log({head.size for head in (*heads, *self._known_heads)})
        self._judge_heads(heads)
        for head in self._known_heads:
            self._judge_known_head(head)
        self._judge_steps()
        self._judge_balances()
        self._judge_funds()

    # -- the log

    def _walk_log(self, sizes: set[int]) -> None:
        tables = {table: _Rows(self._files, f"{table}.tsv", self._report) for table in RECORD_TABLES}
        tree, previous = Tree(), NO_BATCH_BEFORE
        for line in self._lines(BATCHES):
            batch = _batch(line)
            if batch is None:
                self._find(f"batch.tsv: {line[:60]!r} is no batch")
                continue
            if (batch.number, batch.previous) != (tree.size, previous):
                self._find(f"batch.tsv: batch {batch.number} does not follow the one before it")
            self._judge_batch(batch, tables)
            previous = batch.leaf()
            tree.add(previous)
            if tree.size in sizes:
                self._roots[tree.size] = tree.root()
            self._progress(tree.size, self._manifest.size)
        for table, rows in tables.items():
            left = rows.skip_rest()
            if left:
                self._find(f"{table}.tsv: {left} rows are of no batch, or not in the order of the batches")
            self._judge_file(f"{table}.tsv", rows.rows, rows.measured)
        if (tree.size, tree.root().hex()) != (self._manifest.size, self._manifest.root):
            self._find("batch.tsv: the log's size and root are not those of the manifest")
        self._roots[tree.size] = tree.root()
        if self._rebuilt.twice():
            self._find("usage.tsv: a step of a call is there twice")

    def _judge_batch(self, batch: Batch, tables: dict[str, _Rows]) -> None:
        tree = Tree()
        withheld_whole = self._manifest.programme is not None
        for table, count in zip(RECORD_TABLES, batch.counts, strict=True):
            before = tree.size
            for line in tables[table].take(batch.number):
                withheld_whole = False
                tree.add(self._leaf(table, batch.number, line))
            if withheld_whole:
                continue
            if tree.size - before != count:
                self._find(
                    f"{table}.tsv: batch {batch.number} has {tree.size - before} rows, its line says {count}"
                )
        self._report.records += tree.size
        if not (withheld_whole and any(batch.counts)) and tree.root() != batch.root:
            self._find(f"batch {batch.number}: its records do not have its root")
        for wrong in self._rebuilt.end_batch():
            self._find(f"batch {batch.number}: {wrong}")

    def _leaf(self, table: str, number: int, line: bytes) -> bytes:
        if line.count(b"\t") == 0:
            if self._manifest.programme is None:
                self._find(f"{table}.tsv: batch {number} withholds a record")
            leaf = _hash(line)
            if leaf is None:
                self._find(f"{table}.tsv: batch {number} has a line that is no record")
            return leaf or b""
        if wrong := self._rebuilt.add(table, line):
            self._find(f"{table}.tsv: batch {number}: {wrong}")
        return record_hash(table, line)

    # -- heads

    def _read_heads(self) -> list[TreeHead]:
        heads: list[TreeHead] = []
        measured, rows = Measured(), 0
        for line in self._files.lines(HEADS, measured):
            rows += 1
            try:
                heads.append(TreeHead.read(str(json.loads(line))))
            except (ValueError, RecursionError):
                self._find(f"head.jsonl: line {rows} is no tree head")
        self._judge_file(HEADS, rows, measured)
        self._report.heads = len(heads)
        return heads

    def _judge_heads(self, heads: Sequence[TreeHead]) -> None:
        keys = self._signers()
        if len(keys) != len(self._rebuilt.signers):
            self._find("change.tsv: a signer is no verifier key")
        if self._manifest.key not in keys:
            self._find("manifest.json: its key is not one the log names as a signer")
        last = 0
        for head in heads:
            if head.size <= last or head.after_size != last:
                self._find(f"head.jsonl: the head of size {head.size} does not follow the one before it")
            last = head.size
            if head.origin != self._manifest.origin or not any(head.is_signed_by(key) for key in keys):
                self._find(f"head.jsonl: the head of size {head.size} is not signed by a key of the log")
            if self._roots.get(head.size) != head.root:
                self._find(f"head.jsonl: the bundle's first {head.size} batches do not have the head's root")
        if last != self._manifest.size:
            self._find("head.jsonl: no head is over the whole bundle")
        elif not heads[-1].is_signed_by(self._manifest.key):
            self._find("head.jsonl: the last head is signed by another key than the manifest")

    def _signers(self) -> list[VerifierKey]:
        return [key for text in sorted(self._rebuilt.signers) if (key := _key(text)) is not None]

    def _judge_known_head(self, head: TreeHead) -> None:
        keys = self._signers()
        if head.origin != self._manifest.origin:
            self._find(f"the head handed in is of another log, {head.origin}")
        elif not any(head.is_signed_by(key) for key in keys):
            self._find(f"the head handed in, of size {head.size}, is not signed by a key of the bundle's log")
        if head.size > self._manifest.size:
            self._find(f"the bundle ends at batch {self._manifest.size - 1}; the head handed in goes further")
        elif self._roots.get(head.size) != head.root:
            self._find(
                f"history was rewritten: the first {head.size} batches do not have the root of the head"
            )

    # -- figures

    def _judge_steps(self) -> None:
        if not self._rebuilt.stepped:
            return
        last: dict[str, tuple[int, ...]] = {}
        lines = self._files.lines("usage.tsv")
        next(lines, None)
        for line in lines:
            _, _, record = line.partition(b"\t")
            if b"\t" in record:
                try:
                    wrong = self._rebuilt.steps_follow(record, last)
                except (ValueError, IndexError):
                    continue  # found before, by the first look
                if wrong:
                    self._find(f"usage.tsv: {wrong}")

    def _judge_balances(self) -> None:
        balances = dict(self._rebuilt.balances)
        if sum(balances.values()):
            self._find("posting.tsv: all balances do not sum to 0")
        expected = [
            f"{copy_text(account)}\t{balances[account]}".encode()
            for account in sorted(balances, key=str.encode)
        ]
        self._judge_rows(BALANCES, expected, "an account")

    def _judge_funds(self) -> None:
        expected = []
        try:
            for voucher_id in sorted(self._rebuilt.funds, key=str.encode):
                row = self._rebuilt.funds_of(voucher_id)
                expected.append("\t".join(map(copy_text, row)).encode())
            for wrong in self._rebuilt.unbalanced_lines():
                self._find(f"posting.tsv: {wrong}")
        except Unfit as error:
            self._find(f"change.tsv: funds hold a value they cannot have: {error}")
        self._judge_rows(FUNDS, expected, "a voucher")

    def _judge_rows(self, name: str, expected: Sequence[bytes], what: str) -> None:
        found = list(self._lines(name))
        for place, (row, right) in enumerate(zip(found, expected, strict=False)):
            if row != right:
                self._find(f"{name}: row {place + 1} is not what the records say of {what}")
        if len(found) != len(expected):
            self._find(f"{name}: has {len(found)} rows, the records say {len(expected)}")

    # -- files

    def _lines(self, name: str) -> Iterator[bytes]:
        """A table's rows; its column names and the manifest's word on it are judged on the way."""
        measured, rows = Measured(), 0
        lines = self._files.lines(name, measured)
        _judge_columns(name, next(lines, b""), self._report)
        for line in lines:
            rows += 1
            yield line
        self._judge_file(name, rows, measured)

    def _judge_file(self, name: str, rows: int, measured: Measured) -> None:
        facts = self._manifest.files[name]
        if (facts.rows, facts.bytes, facts.sha256) != (rows, measured.bytes, measured.sha256):
            self._find(f"{name}: is not the file of the manifest")


class _Rows:
    """The rows of one table, handed out batch by batch."""

    def __init__(self, files: BundleFiles, name: str, report: Report) -> None:
        self.measured = Measured()
        self.rows = 0
        self._lines = files.lines(name, self.measured)
        _judge_columns(name, next(self._lines, b""), report)
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


def _judge_columns(name: str, line: bytes, report: Report) -> None:
    if line != "\t".join(TABLE_FILES[name]).encode():
        report.find(f"{name}: its first line is not the columns of the format")


def _batch(line: bytes) -> Batch | None:
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


def _hash(text: bytes) -> bytes | None:
    try:
        found = bytes.fromhex(text.decode())
    except ValueError:
        return None
    return found if found.hex().encode() == text and len(found) == len(NO_BATCH_BEFORE) else None


def _key(text: str) -> VerifierKey | None:
    try:
        return VerifierKey.read(text)
    except BadHead:
        return None
