"""`verify`: whether a bundle is whole, unchanged, signed, and right. Offline; needs nothing but its files.

Findings are sentences that name the file and the batch. A rebuilt root says that a batch was changed, not
where in it; what a single record contradicts is said beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from billing.audit.bundle_files import (
    BALANCES,
    BATCHES,
    FILES,
    FUNDS,
    HEADS,
    MANIFEST,
    SIGNATURE,
    BundleFiles,
    Damaged,
    Measured,
)
from billing.audit.bundle_rows import Enough, Report, Rows, judge_columns, read_batch, read_hash
from billing.audit.head import TreeHead, VerifierKey
from billing.audit.judging_heads import judge_heads
from billing.audit.leaf import NO_BATCH_BEFORE, RECORD_TABLES, Batch, record_hash
from billing.audit.manifest import Manifest
from billing.audit.merkle import Tree
from billing.audit.rebuilding import Rebuilt
from billing.audit.values import Unfit
from billing.posting_columns import copy_text

Progress = Callable[[int, int], None]  # batches done, batches in all


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
    except Enough:
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
        judge_heads(self._report, heads, self._known_heads, self._rebuilt.signers, self._roots)
        self._judge_steps()
        self._judge_balances()
        self._judge_funds()

    # -- the log

    def _walk_log(self, sizes: set[int]) -> None:
        tables = {table: Rows(self._files, f"{table}.tsv", self._report) for table in RECORD_TABLES}
        tree, previous = Tree(), NO_BATCH_BEFORE
        for line in self._lines(BATCHES):
            batch = read_batch(line)
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

    def _judge_batch(self, batch: Batch, tables: dict[str, Rows]) -> None:
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
            leaf = read_hash(line)
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
        judge_columns(name, next(lines, b""), self._report)
        for line in lines:
            rows += 1
            yield line
        self._judge_file(name, rows, measured)

    def _judge_file(self, name: str, rows: int, measured: Measured) -> None:
        facts = self._manifest.files[name]
        if (facts.rows, facts.bytes, facts.sha256) != (rows, measured.bytes, measured.sha256):
            self._find(f"{name}: is not the file of the manifest")
