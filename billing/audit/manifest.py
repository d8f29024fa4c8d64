"""A bundle's manifest: what it says of itself and of its files. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.audit.bundle_files import FILES, NotABundle
from billing.audit.head import VerifierKey

FORMAT: Final = "voucher-gateway audit bundle"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class FileFacts:
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    origin: str
    made_at_ms: int
    size: int
    root: str
    programme: str | None
    key: VerifierKey
    files: Mapping[str, FileFacts]

    def to_bytes(self) -> bytes:
        files = {
            name: {"rows": facts.rows, "bytes": facts.bytes, "sha256": facts.sha256}
            for name, facts in self.files.items()
        }
        told = {"format": FORMAT, "version": VERSION, "origin": self.origin, "made_at_ms": self.made_at_ms}
        told |= {"size": self.size, "root": self.root, "programme": self.programme}
        told |= {"key": str(self.key), "files": files}
        return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, data: bytes) -> Manifest:
        """Raises NotABundle."""
        try:
            told: dict[str, Any] = json.loads(data)
            if told["format"] != FORMAT:
                raise NotABundle("manifest.json is not that of an audit bundle.")
            if told["version"] != VERSION:
                raise NotABundle(f"The bundle has format {told['version']!r}; this program reads {VERSION}.")
            programme = told["programme"]
            if programme is not None:
                programme = _is(str, programme)
            return cls(
                origin=_is(str, told["origin"]),
                made_at_ms=_is(int, told["made_at_ms"]),
                size=_is(int, told["size"]),
                root=_is(str, told["root"]),
                programme=programme,
                key=VerifierKey.read(_is(str, told["key"])),
                files={name: _facts(told["files"][name]) for name in FILES},
            )
        except KeyError as error:
            raise NotABundle(f"manifest.json cannot be read: it has no {error.args[0]!r}.") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise NotABundle(
                "manifest.json cannot be read: a value in it is not what it should be."
            ) from error


def _facts(told: dict[str, Any]) -> FileFacts:
    return FileFacts(_is(int, told["rows"]), _is(int, told["bytes"]), _is(str, told["sha256"]))


def _is(kind: type[Any], value: object) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
