"""A bundle being written: one file after the other, as a .zip or a directory; named only when whole."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from billing.audit.bundle_files import TABLE_FILES, Measured
from billing.audit.manifest import FileFacts

Write = Callable[[bytes], None]  # one line, without its end


class BundleWriter:
    """Use as a context manager; `finish` gives the bundle its name. Raises OSError.

    A stream as its target becomes a .zip, which is whole after `finish`.
    """

    def __init__(self, target: Path | IO[bytes]) -> None:
        if isinstance(target, Path) and target.exists():
            raise FileExistsError(f"{target} is there already")
        self._target = target
        self._part = target.with_name(f".{target.name}.part") if isinstance(target, Path) else None
        self._zip: zipfile.ZipFile | None = None
        self.facts: dict[str, FileFacts] = {}

    def __enter__(self) -> BundleWriter:
        self._remove()
        if isinstance(self._target, Path) and self._target.suffix != ".zip":
            self._folder.mkdir()
        else:
            into = self._target if self._part is None else self._part
            self._zip = zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        return self

    @property
    def _folder(self) -> Path:
        assert self._part is not None, "a stream is a .zip"
        return self._part

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()
        self._remove()  # nothing is left of a bundle that was not finished

    def finish(self) -> None:
        if self._zip is not None:
            self._zip.close()
        if isinstance(self._target, Path):
            self._folder.rename(self._target)

    @contextmanager
    def file(self, name: str) -> Iterator[Write]:
        """A file of lines; a table begins with its column names."""
        measured, rows = Measured(), 0
        stream = (
            self._zip.open(name, "w", force_zip64=True)
            if self._zip is not None
            else (self._folder / name).open("wb")
        )
        with stream:

            def put(line: bytes) -> None:
                nonlocal rows
                rows += 1
                measured.take(line + b"\n")
                stream.write(line + b"\n")

            if name in TABLE_FILES:
                put("\t".join(TABLE_FILES[name]).encode())
                rows = 0
            yield put
        self.facts[name] = FileFacts(rows, measured.bytes, measured.sha256)

    def small(self, name: str, data: bytes) -> None:
        if self._zip is not None:
            self._zip.writestr(name, data)
        else:
            (self._folder / name).write_bytes(data)

    def _remove(self) -> None:
        if self._part is None:
            return
        if self._part.is_dir():
            shutil.rmtree(self._part)
        else:
            self._part.unlink(missing_ok=True)
