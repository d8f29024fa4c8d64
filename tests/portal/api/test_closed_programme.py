"""A closed programme promises nothing any more, and none closes over a voucher that still spends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND, TERMS

CLOSED = {"reason": "사업 종료"}
VOUCHER = {"id": "declared", "company": "hanbit", "programme": "ai-2026", "government_krw": 1_000}


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_an_award_of_a_closed_programme_becomes_no_agreement(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    application = await world.applied("gaonde", APPLICATION)
    await world.selected(application, ROUND["id"])
    await world.post("operator", "programmes/ai-2026/close", CLOSED)
    refused = await world.refused("operator", "agreements", {"application": application, **TERMS})
    assert refused == (409, "programme_not_open")


async def test_a_programme_closes_over_no_voucher_that_is_alive(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    await world.post("operator", "rounds/ai-2026-1/cancel", CLOSED)
    await world.post("operator", "vouchers", VOUCHER)
    assert await world.refused("operator", "programmes/ai-2026/close", CLOSED) == (409, "vouchers_alive")
    await world.post("operator", "vouchers/declared/end", CLOSED)
    await world.post("operator", "programmes/ai-2026/close", CLOSED)
    answer = await world.call("operator", "POST", "vouchers", VOUCHER | {"id": "another"})
    assert answer.status_code == 422
    assert "programme ai-2026 is closed" in answer.text
