"""A pool, and a connection, on a database with this version's schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from billing.database import Connection, connect, open_pool


@pytest.fixture
async def pool(books_url: str) -> AsyncIterator[AsyncConnectionPool[psycopg.AsyncConnection]]:
    async with open_pool(books_url, size_max=8) as opened:
        yield opened


@pytest.fixture
async def conn(books_url: str) -> AsyncIterator[Connection]:
    async with await connect(books_url) as opened:
        yield opened
