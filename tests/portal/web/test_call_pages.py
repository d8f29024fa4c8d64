"""What a call's page says of its end, of who paid, and of its entries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.web_world import browsing_as, ended


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde with a voucher."""
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        yield world


async def test_a_released_call_waits_for_no_entry(world: OfficeWorld) -> None:
    [released, settled] = await ended(world, {"charge_micro": 0}, {"charge_micro": 215_000})
    for language, said in (("ko", "차감 없음, 전표 없음"), ("en", "Nothing charged, no entry")):
        async with browsing_as(world, "operator", language=language) as browser:
            assert said in (await browser.get(f"/operator/calls/{released}")).text
            assert said not in (await browser.get(f"/operator/calls/{settled}")).text
