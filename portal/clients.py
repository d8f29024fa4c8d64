"""Programs of the office in PostgreSQL: each comes as the person who made it, by a secret of its own.

A secret is random, so that its hash needs neither salt nor work. A program may do what its person may, as the
books know both now: a disabled person's programs are out, and a revoked one is out at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from billing.database import Connection

ID_CHARACTERS_MAX: Final = 64
SECRET_CHARACTERS_MAX: Final = 128
FIND: Final = (
    "select c.id, c.name, c.email, c.created_at, c.revoked_at is not null as revoked from office_client c"
)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def make(conn: Connection, email: str, name: str, *, now: datetime) -> tuple[str, str]:
    """-> its id and its secret, which is shown once and is nowhere else."""
    secret = f"vgc_{secrets.token_urlsafe(32)}"
    cursor = await conn.execute(
        "insert into office_client (id, email, name, secret_hash, created_at)"
        " values ('cl-' || lpad(nextval('office_client_number')::text, 6, '0'), %s, %s, %s, %s) returning id",
        [email, name, _hash(secret), now],
    )
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0]), secret


async def whose(conn: Connection, client_id: str, secret: str) -> str | None:
    """The mail address of the person as whom this program comes, if the secret is its."""
    cursor = await conn.execute(
        "select email, secret_hash from office_client where id = %s and revoked_at is null", [client_id]
    )
    row = await cursor.fetchone()
    is_its = hmac.compare_digest(_hash(secret), bytes(32) if row is None else bytes(row[1]))
    return str(row[0]) if row is not None and is_its else None


async def is_alive(conn: Connection, client_id: str) -> bool:
    cursor = await conn.execute(
        "select 1 from office_client where id = %s and revoked_at is null", [client_id]
    )
    return await cursor.fetchone() is not None


async def revoke(conn: Connection, client_id: str, *, now: datetime) -> None:
    await conn.execute(
        "update office_client set revoked_at = coalesce(revoked_at, %s) where id = %s", [now, client_id]
    )
