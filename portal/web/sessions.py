"""Sessions of the pages in PostgreSQL. The token is in the cookie alone; the books have its hash.

A session ends when nobody comes for a while, and for good after a working day; signing in begins a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from billing.database import Connection

IDLE: Final = timedelta(minutes=30)
LIFE: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)  # a visit writes no more often
TOKEN_CHARACTERS_MAX: Final = 64


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def form_token(token: str) -> str:
    """What a form of this session carries. It says nothing of the token it is made of."""
    return hmac.new(token.encode("utf-8", "replace"), b"form", hashlib.sha256).hexdigest()


def form_token_fits(token: str, given: str) -> bool:
    return hmac.compare_digest(form_token(token).encode(), given.encode("utf-8", "replace"))


async def begin(connection: Connection, email: str, *, now: datetime) -> str:
    """-> the token. What is long over is forgotten."""
    token = new_token()
    await connection.execute("delete from web_session where begun_at < %s", [now - 2 * LIFE])
    await connection.execute(
        "insert into web_session (token_hash, email, begun_at, seen_at) values (%s, %s, %s, %s)",
        [_hash(token), email, now, now],
    )
    return token


async def whose(connection: Connection, token: str, *, now: datetime) -> str | None:
    """The mail address of the one who is signed in."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        return None
    cursor = await connection.execute(
        "select email, seen_at from web_session where token_hash = %s and ended_at is null"
        " and begun_at > %s and seen_at > %s",
        [_hash(token), now - LIFE, now - IDLE],
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[1] < now - SEEN_EVERY:
        await connection.execute(
            "update web_session set seen_at = %s where token_hash = %s and seen_at < %s",
            [now, _hash(token), now],
        )
    return str(row[0])


async def end(connection: Connection, token: str, *, now: datetime) -> None:
    await connection.execute(
        "update web_session set ended_at = %s where token_hash = %s and ended_at is null", [now, _hash(token)]
    )


async def end_all(connection: Connection, email: str) -> None:
    """Of somebody whose password is new."""
    await connection.execute(
        "update web_session set ended_at = now() where email = %s and ended_at is null", [email]
    )
