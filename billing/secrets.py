"""What the installation's master secret is good for: one derived key per purpose, none of them stored.

- the pepper, under which an API key is kept as HMAC-SHA256 only;
- the sealing key, under which vendors' API keys are kept (AES-256-GCM). A sealed value names the row it
  belongs to, so that it cannot be moved to another;
- the key of the office's tokens;
- the key that signs the tree heads of the books' log (Ed25519);
- the key that says of a copy of the books that it is ours (launch/backup/manifest.py);
- a fingerprint, by which the books know that all processes have the same secret (billing/house.py).

Whoever reads the database alone learns neither kind of key. Without the master secret, sealed values are
lost.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MASTER_BYTES_MIN: Final = 16
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SEALED_V1: Final = b"\x01"


class Unsealable(ValueError):
    """The value was sealed under another master secret, for another row, or was changed."""


class Secrets:
    __slots__ = ("_aead", "copies_key", "fingerprint", "jwt_key", "pepper", "signing_seed")

    def __init__(self, master: bytes) -> None:
        if len(master) < MASTER_BYTES_MIN:
            raise ValueError(f"the master secret has at least {MASTER_BYTES_MIN} bytes")
        self.pepper: Final = _derived(master, "api key pepper")
        self.jwt_key: Final = _derived(master, "office tokens")
        self.signing_seed: Final = _derived(master, "tree heads")
        self.copies_key: Final = _derived(master, "copies of the books")
        self.fingerprint: Final = hmac.digest(
            _derived(master, "fingerprint"), b"one house, one secret", hashlib.sha256
        ).hex()
        self._aead = AESGCM(_derived(master, "sealing"))

    def __repr__(self) -> str:
        return "Secrets(…)"

    def key_hash(self, api_key: str) -> bytes:
        """What is kept of an API key."""
        return hmac.digest(self.pepper, api_key.encode(), hashlib.sha256)

    def seal(self, text: str, *, row: str) -> bytes:
        """`row` names where the value is kept, e.g. "upstream/nuri-x1/0"."""
        nonce = os.urandom(_NONCE_BYTES)
        return _SEALED_V1 + nonce + self._aead.encrypt(nonce, text.encode(), row.encode())

    def unseal(self, sealed: bytes, *, row: str) -> str:
        """Raises Unsealable."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _SEALED_V1 or len(nonce) != _NONCE_BYTES:
            raise Unsealable(f"{row}: not a sealed value")
        try:
            return self._aead.decrypt(nonce, body, row.encode()).decode()
        except InvalidTag:
            raise Unsealable(
                f"{row}: sealed under another master secret, for another row, or changed"
            ) from None


def _derived(master: bytes, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"voucher-gateway {purpose}".encode())
    return hkdf.derive(master)
