"""Stripe's webhooks: verified, then stored once by the event's id with the job to handle it. Nothing else.

The signature is checked by Stripe's own library, against each secret in turn (two while one is rotated).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from billing.database import Connection
from billing.payments import rows
from billing.payments.stripe_reading import read_event

TOLERANCE_S: Final = 300
BODY_BYTES_MAX: Final = 1024 * 1024
HEADER_CHARACTERS_MAX: Final = 4096


def secrets_of(text: str | None) -> tuple[str, ...]:
    """Several are separated by commas. An empty one would verify anything, so it is none."""
    return tuple(one for part in (text or "").split(",") if (one := part.strip()))


def is_signed(body: bytes, header: str, secrets: Sequence[str], *, now_s: float) -> bool:
    """By one of the secrets, at a time near now: neither older nor, which the library lets pass, ahead."""
    import stripe  # here, since an office without card payment has no use for it

    if not header.isascii() or len(header) > HEADER_CHARACTERS_MAX:
        return False
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        signed_at = next((part for part in header.split(",") if part.startswith("t=")), "t=0")
        return abs(now_s - int(signed_at.split("=")[1])) <= TOLERANCE_S
    return False


async def keep(conn: Connection, body: bytes) -> bool:
    """Of a verified body; False where the event was here before. Raises NotAnEvent."""
    event = read_event(body)
    async with conn.transaction():
        cursor = await conn.execute(
            "insert into stripe_event (id, type, body) values (%s, %s, %s)"
            " on conflict do nothing returning 1",
            [event.id, event.type, body],
        )
        if await cursor.fetchone() is None:
            return False
        await rows.put_job(conn, "event", event.id)
    return True
