"""The files of a bundle, read once from front to back: lines, rows, batches. Not here: what money is.

A bundle is anybody's input: it is never extracted, a line has a limit, and what is not as the page has it
becomes a finding. `Unreadable` is for what is no bundle at all.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .columns import DERIVED, RECORDS, Misshapen, Row, header, read_row
from .findings import Report
from .trees import leaf_hash

LINE_BYTES_MAX = 16 * 1024 * 1024
SMALL_BYTES_MAX = 1024 * 1024
TABLES = ("batch", *RECORDS, *DERIVED)
MANIFEST, SIGNATURE, HEADS = "manifest.json", "manifest.sig", "head.jsonl"
FILES = (MANIFEST, SIGNATURE, HEADS, *(f"{table}.tsv" for table in TABLES))


class Unreadable(Exception):
    """Not a bundle, or not to be read. The message is one sentence for a person."""


@dataclass(slots=True)
class Measured:
    """What the manifest must say of a file."""

    rows: int = 0
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch with its rows. `leaves` are the hashes of its records, in order; None: it is withheld."""

    row: Row
    line: bytes
    rows: dict[str, list[Row]]
    leaves: list[bytes] | None


@dataclass
class Bundle:
    """Opens on `with`. `batches` first, then `heads` and `derived`; then `measured` is complete."""

    path: Path
    report: Report
    measured: dict[str, Measured] = field(default_factory=dict)
    programme: str | None = None

    def __enter__(self) -> Bundle:
        self._stack = ExitStack()
        self._zip: zipfile.ZipFile | None = None
        try:
            if self.path.is_dir():
                names = sorted(entry.name for entry in self.path.iterdir())
            else:
                self._zip = self._stack.enter_context(zipfile.ZipFile(self.path))
                names = sorted(self._zip.namelist())
        except (OSError, zipfile.BadZipFile) as error:
            raise Unreadable(f"{self.path}: {error}") from None
        missing = sorted(set(FILES) - set(names))
        if missing:
            raise Unreadable(f"{self.path} is no audit bundle: it has no {', '.join(missing)}")
        for name in names:
            if name not in FILES or names.count(name) > 1:
                self.report.find("shape", (name, "-"), "(file)", expected="no such file", found="one")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # -- whole small files

    def small(self, name: str) -> bytes:
        with self._open(name) as file:
            data = file.read(SMALL_BYTES_MAX + 1)
        if len(data) > SMALL_BYTES_MAX:
            raise Unreadable(f"{name} is larger than {SMALL_BYTES_MAX} bytes")
        return data

    def manifest(self) -> tuple[bytes, dict[str, object]]:
        data = self.small(MANIFEST)
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise Unreadable(f"{MANIFEST} is no JSON") from None
        if not isinstance(value, dict) or value.get("format") != "voucher-gateway audit bundle":
            raise Unreadable(f"{self.path} is no audit bundle")
        if value.get("version") != 1:
            raise Unreadable(f"this checker reads version 1 of the format, not {value.get('version')!r}")
        programme = value.get("programme")
        self.programme = programme if isinstance(programme, str) else None
        return data, value

    # -- lines

    def heads(self) -> Iterator[tuple[int, str]]:
        """(line number, note)"""
        for number, line in enumerate(self._lines(HEADS), 1):
            try:
                note = json.loads(line)
            except (ValueError, RecursionError):
                note = None
            if isinstance(note, str):
                yield number, note
            else:
                self.report.find(
                    "shape", (HEADS, f"line {number}"), "(line)", expected="a JSON string", found=repr(line)
                )

    def derived(self, table: str) -> Iterator[Row]:
        for line in self._table(table):
            row = self._row(table, line)
            if row is not None:
                yield row

    def batches(self) -> Iterator[Batch]:
        files = {table: _Ahead(self._table(table)) for table in RECORDS}
        for line in self._table("batch"):
            row = self._row("batch", line)
            if row is not None:
                yield self._batch(row, line, files)
        for table, file in files.items():
            for _ in file.until(None):
                self.report.find(
                    "shape", (f"{table}.tsv", "last rows"), "batch", expected="a batch", found="none"
                )

    def _batch(self, row: Row, line: bytes, files: dict[str, _Ahead]) -> Batch:
        rows: dict[str, list[Row]] = {table: [] for table in RECORDS}
        leaves: list[bytes] = []
        for table, file in files.items():
            places = 0
            for record in file.until(row["number"]):
                places += 1
                batch, _, data = record.partition(b"\t")
                if batch != b"%d" % row["number"]:
                    self.report.find(
                        "shape", (f"{table}.tsv", record[:60].decode(errors="replace")), "batch",
                        expected=row["number"], found=batch.decode(errors="replace"),
                    )  # fmt: skip
                if self.programme is not None and _is_withheld(data):
                    leaves.append(bytes.fromhex(data.decode()))
                    self.report.notes["records withheld"] += 1
                    continue
                leaves.append(leaf_hash(table.encode() + b"\t" + data))
                if (read := self._row(table, record)) is not None:
                    rows[table].append(read)
            if places != row[table] and (self.programme is None or leaves):
                self.report.find(
                    "shape", row.where, table, expected=f"{places} rows, as there are", found=row[table]
                )
        is_withheld = self.programme is not None and not leaves
        return Batch(row, line, rows, None if is_withheld else leaves)

    def _row(self, table: str, line: bytes) -> Row | None:
        self.report.count("shape")
        try:
            return read_row(table, line)
        except Misshapen as wrong:
            where = f"line {self.measured[f'{table}.tsv'].rows}: {line[:60].decode(errors='replace')}"
            self.report.find(
                "shape", (f"{table}.tsv", where), wrong.column, expected=wrong.expected, found=wrong.found
            )
            return None

    def _table(self, table: str) -> Iterator[bytes]:
        lines = self._lines(f"{table}.tsv", has_names=True)
        names = next(lines, b"")
        if names != header(table).encode():
            raise Unreadable(f"{table}.tsv does not begin with its column names")
        yield from lines

    def _lines(self, name: str, *, has_names: bool = False) -> Iterator[bytes]:
        """Without line ends; measures what it reads."""
        measured = self.measured[name] = Measured(rows=-1 if has_names else 0)
        digest = hashlib.sha256()
        with self._open(name) as file:
            while line := self._read(file, name):
                digest.update(line)
                measured.bytes += len(line)
                measured.rows += 1
                if not line.endswith(b"\n"):
                    if len(line) > LINE_BYTES_MAX:
                        raise Unreadable(f"{name} has a line of more than {LINE_BYTES_MAX} bytes")
                    self.report.find(
                        "shape", (name, "last line"), "(line)", expected="a line end", found="none"
                    )
                yield line.removesuffix(b"\n")
        measured.sha256 = digest.hexdigest()

    def _read(self, file: IO[bytes], name: str) -> bytes:
        try:
            return file.readline(LINE_BYTES_MAX + 1)
        except (OSError, EOFError, zipfile.BadZipFile, ValueError) as error:
            raise Unreadable(f"{name}: {error}") from None

    def _open(self, name: str) -> IO[bytes]:
        try:
            if self._zip is not None:
                return self._zip.open(name)
            return (self.path / name).open("rb")
        except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise Unreadable(f"{name}: {error}") from None


class _Ahead:
    """Lines that begin with a batch's number, looked at one ahead."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._next = next(lines, None)

    def until(self, batch: int | None) -> Iterator[bytes]:
        """The next lines of this batch, or of an earlier one (out of order); None: all that is left."""
        while self._next is not None:
            number = self._next.partition(b"\t")[0]
            if batch is not None and number.isdigit() and int(number[:30]) > batch:
                return
            line, self._next = self._next, next(self._lines, None)
            yield line


def _is_withheld(data: bytes) -> bool:
    return len(data) == 64 and all(sign in b"0123456789abcdef" for sign in data)
