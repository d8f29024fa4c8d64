"""What lies in the directory of a copy: its files and their content, and what the books said then."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from billing.figures import Figures
from billing.secrets import Secrets
from launch.refusal import Refused

MANIFEST: Final = "backup.json"
BOOKS: Final = "books.dump"
SECRET: Final = "secret.key"  # noqa: S105 - a file's name
FORMAT: Final = 1
MANIFEST_BYTES_MAX: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 20


class CopiedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    made_by: str
    taken_at: str  # UTC, ISO 8601
    figures: Figures
    files: dict[str, CopiedFile]
    mac: str = (
        ""  # HMAC-SHA256, hex, of all the rest: to load a dump is to run it, so not anybody's is loaded
    )

    def sealed(self, secrets: Secrets) -> Manifest:
        return msgspec.structs.replace(self, mac=self._mac(secrets))

    def is_ours(self, secrets: Secrets) -> bool:
        return hmac.compare_digest(self.mac.encode(), self._mac(secrets).encode())

    def _mac(self, secrets: Secrets) -> str:
        rest = msgspec.json.encode(msgspec.structs.replace(self, mac=""), order="sorted")
        return hmac.new(secrets.copies_key, rest, hashlib.sha256).hexdigest()

    def write(self, directory: Path) -> None:
        text = msgspec.json.format(msgspec.json.encode(self), indent=2)
        (directory / MANIFEST).write_bytes(text + b"\n")


def describe(path: Path, progress: Callable[[int], None] = lambda done: None) -> CopiedFile:
    """`progress` is told of each piece how long it is. Raises OSError."""
    digest, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            length += len(piece)
            progress(len(piece))
    return CopiedFile(length, digest.hexdigest())


def write_secret(path: Path, secret: bytes) -> None:
    """For its owner alone, and on the disk. Raises OSError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(directory: Path) -> Manifest:
    """Of a copy that this version can read. Raises Refused."""
    path = directory / MANIFEST
    try:
        with path.open("rb") as file:
            text = file.read(MANIFEST_BYTES_MAX + 1)
        form = msgspec.json.decode(text, type=dict[str, object]).get("format")
        if form != FORMAT:
            raise Refused(f"{directory} is a copy of format {form}; this version reads format {FORMAT}.")
        manifest = msgspec.json.decode(text, type=Manifest)
    except OSError as error:
        raise Refused(f"{directory} is no copy of the books: {path.name}: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise Refused(f"{path} cannot be understood: {error}.") from error
    if BOOKS not in manifest.files or not manifest.files.keys() <= {BOOKS, SECRET}:
        raise Refused(f"{path} lists other files than {BOOKS} and {SECRET}.")
    return manifest


def check_files(directory: Path, manifest: Manifest, progress: Callable[[int, int | None], None]) -> None:
    """Raises Refused where a file is not what it was when the copy was made."""
    whole, done = sum(listed.bytes for listed in manifest.files.values()), 0

    def tell(piece: int) -> None:
        nonlocal done
        done += piece
        progress(done, whole)

    for name, listed in manifest.files.items():
        try:
            found = describe(directory / name, tell)
        except OSError as error:
            raise Refused(f"{directory / name} cannot be read: {error.strerror}.") from error
        if found != listed:
            raise Refused(f"{directory / name} is not what was copied: its length or its SHA-256 differs.")
