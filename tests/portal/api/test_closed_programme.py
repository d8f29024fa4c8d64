"""A closed programme promises nothing any more, and none closes over a voucher that is not settled."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from billing.expiry import expire_vouchers
from metering.purse_memory import MemoryPurse
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND, TERMS

CLOSED = {"reason": "사업 종료"}
VOUCHER = {"id": "declared", "company": "hanbit", "programme": "ai-2026", "government_krw": 1_000}

IT = "settlements/se-000001"
SETTLED = (
    ("settlements", {"voucher": "declared"}),
    (f"{IT}/enter-interest", {"amount_krw": 0, "document": "무이자 계좌 확인서"}),
    *((f"{IT}/{action}", None) for action in ("return-unused", "report", "verify", "settle")),
)


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


async def test_a_programme_closes_over_no_voucher_that_is_alive_or_not_settled(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    await world.post("operator", "rounds/ai-2026-1/cancel", CLOSED)
    await world.post("operator", "vouchers", VOUCHER)
    assert await world.refused("operator", "programmes/ai-2026/close", CLOSED) == (409, "vouchers_alive")
    await world.post("operator", "vouchers/declared/end", CLOSED)
    for path, body in SETTLED:
        unsettled = await world.refused("operator", "programmes/ai-2026/close", CLOSED)
        assert unsettled == (409, "vouchers_unsettled"), path
        if path.endswith("return-unused"):
            await expired(world)
        await world.post("operator", path, body)
    await world.post("operator", "programmes/ai-2026/close", CLOSED)
    answer = await world.call("operator", "POST", "vouchers", VOUCHER | {"id": "another"})
    assert answer.status_code == 422
    assert "programme ai-2026 is closed" in answer.text


async def expired(world: OfficeWorld) -> None:
    """The worker's turn."""
    async with world.pool.connection() as conn:
        assert await expire_vouchers(MemoryPurse(now_ms=lambda: 0), conn, lanes=range(64)) == 1
