"""One world per test: real books, the office's door, a stand-in for Stripe over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.payments_world import PaymentsWorld, payments_world


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[PaymentsWorld]:
    async with payments_world(books_url) as world:
        yield world
