"""A bundle as files: a .zip or a directory, read as streams. Nothing in it is believed, nor read at once."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from billing.audit.leaf import BATCH_COLUMNS, RECORD_COLUMNS

BATCHES: Final = "batch.tsv"
BALANCES: Final = "balance.tsv"
FUNDS: Final = "funds.tsv"
HEADS: Final = "head.jsonl"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"

FUNDS_COLUMNS: Final = (
    *("voucher_id", "company_id", "programme_id", "share_ppm"),
    *("government_micro", "self_micro", "capacity_micro", "free_micro", "charged_micro", "direct_micro"),
    *("expired_government_micro", "expired_self_micro"),
)
# file -> its line of column names
TABLE_FILES: Final = {
    BATCHES: BATCH_COLUMNS,
    **{f"{table}.tsv": ("batch", *columns) for table, columns in RECORD_COLUMNS.items()},
    BALANCES: ("account", "balance_micro"),
    FUNDS: FUNDS_COLUMNS,
}
FILES: Final = (*TABLE_FILES, HEADS)

SMALL_BYTES_MAX: Final = 1 << 20  # manifest, signature
LINE_BYTES_MAX: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 18


class NotABundle(Exception):
    """What was given is no bundle, or cannot be read. The text is one sentence."""


class Damaged(Exception):
    """One file of a bundle cannot be read to its end. The text says which and why."""


class BundleFiles:
    """Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip: zipfile.ZipFile | None = None
        try:
            if path.is_dir():
                self.names = sorted(child.name for child in path.iterdir())
            else:
                self._zip = zipfile.ZipFile(path)
                self.names = sorted(self._zip.namelist())
        except OSError as error:
            raise NotABundle(f"{path} cannot be read: {_reason(error)}.") from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise NotABundle(f"{path} is no bundle: {_reason(error)}.") from error

    def __enter__(self) -> BundleFiles:
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def small(self, name: str) -> bytes:
        """Raises NotABundle."""
        if name not in self.names:
            raise NotABundle(f"{self._path} is no bundle: it has no {name}.")
        try:
            with self._open(name) as stream:
                data = stream.read(SMALL_BYTES_MAX + 1)
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise NotABundle(f"{name} of {self._path} cannot be read: {_reason(error)}.") from error
        if len(data) > SMALL_BYTES_MAX:
            raise NotABundle(f"{name} of {self._path} is too large.")
        return data

    def lines(self, name: str, measured: Measured | None = None) -> Iterator[bytes]:
        """Its lines without their ends; the first one of a table is its column names. Raises Damaged."""
        measured = measured if measured is not None else Measured()
        pending = b""
        try:
            with self._open(name) as stream:
                while block := stream.read(_BLOCK_BYTES):
                    measured.take(block)
                    lines = (pending + block).split(b"\n")
                    pending = lines.pop()
                    yield from lines
                    if len(pending) > LINE_BYTES_MAX:
                        raise Damaged(f"{name}: a line is longer than {LINE_BYTES_MAX} bytes")
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise Damaged(f"{name}: cannot be read: {_reason(error)}") from error
        if pending:
            raise Damaged(f"{name}: the last line has no end")

    def _open(self, name: str) -> IO[bytes]:
        if self._zip is not None:
            return self._zip.open(name)
        return io.FileIO(self._path / name)


def _reason(error: Exception) -> str:
    """For people: no number of the system's, no name of an exception."""
    told = error.strerror if isinstance(error, OSError) else str(error)
    return told or "it ends too early"


class Measured:
    """What a manifest says of a file, taken while it is read."""

    def __init__(self) -> None:
        self.bytes = 0
        self._hash = hashlib.sha256()

    def take(self, block: bytes) -> None:
        self.bytes += len(block)
        self._hash.update(block)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()
