"""One world per test: real books, the office's door, calls of nuri's product."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.payables_world import PayablesWorld, payables_world


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[PayablesWorld]:
    async with payables_world(books_url) as world:
        yield world
