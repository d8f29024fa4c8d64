"""The way to vendors, on a machine where every address is private."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from providers.upstream import Upstream


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream(allow_private=True)
    await made.start()
    yield made
    await made.close()
