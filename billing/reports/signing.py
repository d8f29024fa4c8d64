"""A report's signature: a compact JWS (RFC 7515) by a provider's Ed25519 key. Pure.

The key is looked up by the `kid` of the header, which is believed only when the signature holds: nothing else
of a header says how a report is to be verified.
"""

from __future__ import annotations

import base64
from typing import Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALGORITHM: Final = "EdDSA"
TYPE: Final = "usage-report+jws"
SIGNED_CHARACTERS_MAX: Final = 128 * 1024
_PUBLIC_KEY_BYTES: Final = 32


class BadSignature(Exception):
    """It is no report that the key signed. The text is one sentence."""


def key_named(signed: str) -> str:
    """The `kid` of its header. Raises BadSignature."""
    try:
        header = jwt.get_unverified_header(signed)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise BadSignature("it is no compact JWS") from None
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
        raise BadSignature(f"its header must say alg {ALGORITHM} and typ {TYPE}")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or set(header) != {"alg", "typ", "kid"}:
        raise BadSignature("its header has alg, typ and kid, and nothing else")
    return key_id


def payload_of(signed: str, public_key: str) -> bytes:
    """What was signed. Raises BadSignature."""
    try:
        return bytes(
            jwt.PyJWS().decode_complete(signed, read_public_key(public_key), algorithms=[ALGORITHM])[
                "payload"
            ]
        )
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise BadSignature("the signature is not that of this key") from None


def read_public_key(text: str) -> Ed25519PublicKey:
    """43 characters of base64url, as `x` of a JWK has them. Raises BadSignature."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(raw) != _PUBLIC_KEY_BYTES or _text_of(raw) != text:
            raise ValueError
        return Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignature("a public key is 32 bytes in base64url without padding") from None


def _text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
