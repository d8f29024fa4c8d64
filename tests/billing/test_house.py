"""The books belong to one master secret, from the first start on."""

from __future__ import annotations

import pytest

from billing.database import connect
from billing.house import OtherSecret, check_secret
from billing.secrets import Secrets

OURS, OTHER = Secrets(b"a secret of this test"), Secrets(b"another secret of it")


async def test_the_first_secret_is_the_one(books_url: str) -> None:
    async with await connect(books_url) as conn:
        await check_secret(conn, OURS)
        await check_secret(conn, OURS)
        with pytest.raises(OtherSecret):
            await check_secret(conn, OTHER)
        await check_secret(conn, OURS)
        cursor = await conn.execute("select value from house where name = 'secret'")
        assert await cursor.fetchall() == [(OURS.fingerprint,)]
    assert OURS.pepper.hex() != OURS.fingerprint != OTHER.fingerprint
