"""Standard Webhooks: what a receiver verifies an alert by. Pure.

    webhook-signature: v1,base64(HMAC-SHA256(secret, "id.timestamp.body")) …one for each secret

Three lines of the standard library; why not the package of the same name: docs/decisions/0042.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers(delivery_id: str, body: bytes, signed_by: Sequence[str], *, at_s: int) -> dict[str, str]:
    """`signed_by`: the secret, and the one before it while both are good."""
    signed = f"{delivery_id}.{at_s}.".encode() + body
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in signed_by),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
