"""The end of an agreement over the API: what is unused goes back, and the ledger says so at every step."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.books_world import WON
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_settlement import AGREEMENT, CALLS, SETTLEMENT, Ended, used


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_the_unused_part_goes_back_to_the_programme_and_the_company(world: OfficeWorld) -> None:
    ended = await used(world, *CALLS)
    # Not before the worker has expired it, and nobody has guessed its interest.
    await world.post("operator", "settlements", {"agreement": AGREEMENT})
    assert await world.refused("operator", f"{SETTLEMENT}/return-unused") == (409, "not_expired")
    assert await ended.expire() == 1
    assert await world.refused("operator", f"{SETTLEMENT}/return-unused") == (409, "interest_unknown")
    interest = {"amount_krw": "1234", "document": "이자 확인서"}
    await world.post("operator", f"{SETTLEMENT}/enter-interest", interest)

    shown = await world.post("operator", f"{SETTLEMENT}/return-unused")
    used_micro = sum(CALLS)
    government = used_micro * 3 // 4
    left, own_left = 3_000_000 * WON - government, 1_000_000 * WON - (used_micro - government)
    accounts = (await world.books()).accounts
    assert accounts["programme/ai-2026/budget"] == -government
    assert accounts["programme/ai-2026/interest"] == 1234 * WON == -accounts["voucher/gaonde-2026/earned"]
    assert accounts["voucher/gaonde-2026/expired"] == 0
    assert accounts["company/gaonde/own"] == own_left
    assert accounts["company/gaonde/deposits"] == -1_000_000 * WON
    assert accounts["provider/nuri/payable"] == used_micro
    assert shown["returns"] == [
        {
            "number": 1,
            "government_krw": f"{left / WON:.6f}".rstrip("0"),
            "self_krw": f"{own_left / WON:.6f}".rstrip("0"),
            "interest_krw": "1234",
            "at": "2026-11-22T00:00:00Z",
        }
    ]
    assert (await world.get("gaonde", "own_money/gaonde"))["own_krw"] == shown["returned_self_krw"]

    await world.post("gaonde", f"{SETTLEMENT}/report")
    await world.post("operator", f"{SETTLEMENT}/send-back", {"reason": "증빙 보완"})
    await world.post("gaonde", f"{SETTLEMENT}/report")
    for action in ("verify", "settle", "close"):
        shown = await world.post("operator", f"{SETTLEMENT}/{action}")
    assert shown["state"] == "closed"
    log = (await world.get("gaonde", f"{SETTLEMENT}/log"))["data"]
    assert [row["action"] for row in log] == [
        *("open", "enter_interest", "return_unused", "report", "send_back", "report"),
        *("verify", "settle", "close"),
    ]
    again = await world.refused("operator", f"{SETTLEMENT}/return-unused")
    assert again == (409, "wrong_state")
