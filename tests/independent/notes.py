"""Verifier keys and signed notes (C2SP signed-note and tlog-checkpoint), as the bundle's page has them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from .ed25519 import verify

_KEY = re.compile(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_SIGNATURE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})")
_AT = re.compile(r"at_ms [1-9][0-9]{0,18}")
_AFTER = re.compile(r"after_size (0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class BadNote(Exception):
    """Not a note, or not a verifier key."""


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    key_id: bytes
    public_key: bytes

    def signed(self, message: bytes, signature: bytes) -> bool:
        return verify(self.public_key, message, signature)


@dataclass(frozen=True, slots=True)
class Note:
    origin: str
    size: int
    root: bytes
    after_size: int
    text: bytes  # what is signed
    key_name: str
    key_id: bytes
    signature: bytes

    def signed_by(self, key: Key) -> bool:
        return (
            self.key_name == key.name and self.key_id == key.key_id and key.signed(self.text, self.signature)
        )


def read_key(line: str) -> Key:
    match = _KEY.fullmatch(line)
    if match is None:
        raise BadNote("no verifier key")
    data = _base64(match[3])
    if len(data) != 33 or data[0] != 1:
        raise BadNote("not an Ed25519 verifier key")
    key_id = hashlib.sha256(match[1].encode() + b"\n" + data).digest()[:4]
    if key_id.hex() != match[2]:
        raise BadNote("the key id is not of this key")
    return Key(match[1], key_id, data[1:])


def read_note(note: str) -> Note:
    text, empty, signature = note.partition("\n\n")
    lines = text.split("\n")
    match = _SIGNATURE.fullmatch(signature.removesuffix("\n"))
    if not empty or match is None or not signature.endswith("\n") or len(lines) != 5:
        raise BadNote("not a note with one signature")
    origin, size, root, at, after = lines
    if (
        _NUMBER.fullmatch(size) is None
        or _AT.fullmatch(at) is None
        or (before := _AFTER.fullmatch(after)) is None
    ):
        raise BadNote("not a tree head")
    hashed, signed = _base64(root), _base64(match[2])
    if len(hashed) != 32 or len(signed) != 68:
        raise BadNote("root or signature has another length")
    text += "\n"
    return Note(origin, int(size), hashed, int(before[1]), text.encode(), match[1], signed[:4], signed[4:])


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("no base64") from None
    if base64.b64encode(data).decode() != text:
        raise BadNote("base64 with loose ends")
    return data
