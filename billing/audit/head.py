"""Signed tree heads: C2SP checkpoints, which are signed notes with Ed25519 signatures. Pure.

A head is handed to people outside. It says that the log of `origin` had `root` when it had `size` batches.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from billing.audit.merkle import HASH_BYTES

NOTE_BYTES_MAX: Final = 16_384
_ED25519: Final = b"\x01"
_DASH: Final = "\N{EM DASH} "
_MANIFEST_CONTEXT: Final = b"voucher-gateway audit manifest 1\n"
_AFTER: Final = "after_size "
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class BadHead(ValueError):
    """Not a tree head, or not one this key has signed. The text is for people."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half. `str()` is the one line that people write down."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_b64(_ED25519 + self.public)}"

    @classmethod
    def read(cls, text: str) -> VerifierKey:
        """Raises BadHead."""
        parts = text.strip().split("+", 2)  # base64 may hold a plus itself
        try:
            name, key_id, coded = parts
            data = _bytes(coded)
            key = cls(name, data[1:])
            if data[:1] != _ED25519 or len(key.public) != 32 or key.key_id.hex() != key_id:
                raise ValueError
            Ed25519PublicKey.from_public_bytes(key.public)
        except (ValueError, binascii.Error):
            raise BadHead("this is no verifier key: name+key id+base64") from None
        return key

    def has_signed(self, signature: bytes, data: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def has_signed_manifest(self, signature: str, manifest: bytes) -> bool:
        try:
            return self.has_signed(_bytes(signature.strip()), _MANIFEST_CONTEXT + manifest)
        except (ValueError, binascii.Error):
            return False


class Signer:
    """The private half, from 32 secret bytes. `origin` names the log and the key."""

    __slots__ = ("_private", "key")

    def __init__(self, origin: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key: Final = VerifierKey(origin, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Signer({self.key})"

    def sign_head(self, *, size: int, root: bytes, at_ms: int, after_size: int) -> str:
        """`after_size`: that of the head before, 0 for the first, so that none can be left out unseen."""
        text = f"{self.key.name}\n{size}\n{_b64(root)}\nat_ms {at_ms}\nafter_size {after_size}\n"
        signature = self.key.key_id + self._private.sign(text.encode())
        return f"{text}\n{_DASH}{self.key.name} {_b64(signature)}\n"

    def sign_manifest(self, manifest: bytes) -> str:
        return _b64(self._private.sign(_MANIFEST_CONTEXT + manifest))


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A note that was read; `signed_by` says whose it is."""

    origin: str
    size: int
    root: bytes
    after_size: int | None
    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]  # name, key id, signature

    @classmethod
    def read(cls, note: str) -> TreeHead:
        """Raises BadHead for what is no checkpoint; nothing of it is believed before `signed_by`."""
        if len(note) > NOTE_BYTES_MAX or any(character < " " and character != "\n" for character in note):
            raise BadHead("this is no tree head")
        text, separator, signed = note.rpartition("\n\n")
        lines = text.split("\n")
        try:
            origin, size, root = lines[0], lines[1], _bytes(lines[2])
            if not separator or not origin or not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
                raise ValueError
            signatures = tuple(_signature(line) for line in signed.splitlines())
            after = [line.removeprefix(_AFTER) for line in lines[3:] if line.startswith(_AFTER)]
            after_size = int(after[0]) if len(after) == 1 and _SIZE.fullmatch(after[0]) else None
        except (ValueError, IndexError, binascii.Error):
            raise BadHead("this is no tree head") from None
        return cls(origin, int(size), root, after_size, f"{text}\n".encode(), signatures)

    def is_signed_by(self, key: VerifierKey) -> bool:
        """Signatures of other keys are ignored; one of this key must be there and right."""
        ours = [s for name, key_id, s in self.signatures if (name, key_id) == (key.name, key.key_id)]
        return bool(ours) and all(key.has_signed(signature, self.text) for signature in ours)


def _signature(line: str) -> tuple[str, bytes, bytes]:
    if not line.startswith(_DASH):
        raise ValueError(line)
    name, coded = line.removeprefix(_DASH).split(" ")
    data = _bytes(coded)
    return name, data[:4], data[4:]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(coded: str) -> bytes:
    """Of base64 in its one form: other texts for the same bytes would be a change that nothing shows."""
    data = base64.b64decode(coded, validate=True)
    if _b64(data) != coded:
        raise ValueError(coded)
    return data
