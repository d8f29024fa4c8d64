"""A pool on a database with this version's schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from billing.database import open_pool


@pytest.fixture
async def pool(books_url: str) -> AsyncIterator[AsyncConnectionPool[psycopg.AsyncConnection]]:
    async with open_pool(books_url, size_max=8) as opened:
        yield opened
