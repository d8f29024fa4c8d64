"""What the books note of the installation itself, at its first start: all processes must agree on it."""

from __future__ import annotations

import hmac

from billing.database import Connection
from billing.secrets import Secrets


class OtherSecret(Exception):
    """The books were begun under another master secret: no API key would be known, no vendor's key opened."""


async def check_secret(conn: Connection, secrets: Secrets) -> None:
    """The first to ask decides, for good. Raises OtherSecret."""
    await conn.execute(
        "insert into house (name, value) values ('secret', %s) on conflict do nothing", [secrets.fingerprint]
    )
    cursor = await conn.execute("select value from house where name = 'secret'")
    row = await cursor.fetchone()
    if row is None or not hmac.compare_digest(row[0], secrets.fingerprint):
        raise OtherSecret
