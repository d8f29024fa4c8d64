"""Idempotency-Key: the same key and body is one charge and one answer. Claimed in the books before the hold.

The kept answer is sealed under a key derived from the caller's API key and its Idempotency-Key, neither of
which is stored: who has the database alone cannot read an answer.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.asgi.response import Headers
from gateway.problems import Problem
from providers.facts import Spoken

KEY_CHARACTERS_MAX: Final = 255
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    status: int
    headers: Headers
    body: bytes


def read_key(header: str | None) -> str | None:
    if header is None:
        return None
    if not header or len(header) > KEY_CHARACTERS_MAX or not header.isprintable():
        raise Problem(
            "invalid_request",
            english=f"Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} printable characters.",
            korean=f"Idempotency-Key는 1~{KEY_CHARACTERS_MAX}자의 출력 가능한 문자여야 합니다.",
            param="Idempotency-Key",
        )
    return header


def scope_hash(*, key_id: str, route: str, idempotency_key: str) -> bytes:
    """What the books know a claim by."""
    return sha256(b"\x00".join([key_id.encode(), route.encode(), idempotency_key.encode()])).digest()


def body_hash(spoken: Spoken, raw: bytes) -> bytes:
    """What path and head say of a request belongs to it as its body does."""
    said = (spoken.model or "") + ("\0stream" if spoken.stream else "")
    return sha256(said.encode(errors="replace") + raw).digest()


def seal(answer: KeptAnswer, *, secret: bytes, idempotency_key: str) -> bytes:
    head = orjson.dumps(
        [answer.status, [[name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.headers]]
    )
    nonce = os.urandom(_NONCE_BYTES)
    plain = len(head).to_bytes(4, "big") + head + answer.body
    return nonce + AESGCM(_key(secret, idempotency_key)).encrypt(nonce, plain, None)


def unseal(sealed: bytes, *, secret: bytes, idempotency_key: str) -> KeptAnswer:
    try:
        plain = AESGCM(_key(secret, idempotency_key)).decrypt(
            sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None
        )
    except (InvalidTag, ValueError):  # another key's, altered, or cut short
        raise Problem("answer_not_kept") from None
    head_bytes = int.from_bytes(plain[:4], "big")
    status, headers = orjson.loads(plain[4 : 4 + head_bytes])
    return KeptAnswer(
        status=status,
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        body=plain[4 + head_bytes :],
    )


def _key(secret: bytes, idempotency_key: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"voucher-gateway kept answer")
    return derive.derive(secret + b"\x00" + idempotency_key.encode())
