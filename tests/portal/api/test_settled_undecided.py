"""A settlement waits for what is undecided, and money that comes free late always has a way back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_report import line, selling
from tests.portal.api.a_settlement import AFTER_THE_END, CALL_MICRO, SETTLEMENT, price_corrected, used


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_nothing_is_settled_or_erased_over_what_is_undecided(world: OfficeWorld) -> None:
    ended = await used(world, CALL_MICRO)
    nuri = await selling(world, "item", report_days=90)
    await nuri.taken(line("item", "a", 2, day="2026-10-31"))
    fixed = await nuri.taken(line("item", "a-right", 1, day="2026-10-31", corrects="a"))
    await ended.begun(interest_krw="0")
    undecided = await world.refused("operator", f"{SETTLEMENT}/return-unused")
    assert undecided == (409, "reports_undecided")
    await world.post("gaonde", f"report_lines/{fixed['id']}/accept")
    assert await ended.expire() == 1
    for action in ("return-unused", "report", "verify"):
        await world.post("operator", f"{SETTLEMENT}/{action}")
    proposed = await price_corrected(world)
    assert await world.refused("operator", f"{SETTLEMENT}/settle") == (409, "corrections_undecided")
    await world.post("second", f"{proposed}/refuse", {"reason": "다시 제안"})
    for action in ("settle", "close"):
        await world.post("operator", f"{SETTLEMENT}/{action}")
    # What comes free once everything is closed still goes back, before the agreement is erased and after.
    await world.post("second", f"{await price_corrected(world)}/approve")
    world.now = AFTER_THE_END.replace(year=2031, month=11, day=1)
    early = await world.refused("operator", f"{SETTLEMENT}/erase", {"reason": "보존 기한"})
    assert early == (409, "return_pending")
    assert await ended.expire() == 1
    await world.post("operator", f"{SETTLEMENT}/return-late", {"reason": "단가 보정"})
    await world.post("operator", f"{SETTLEMENT}/erase", {"reason": "보존 기한"})
    again = await world.refused("operator", f"{SETTLEMENT}/return-late", {"reason": "보정"})
    assert again == (409, "nothing_late")  # and not that it is erased
    assert await ended.balance("voucher/gaonde-2026/expired") == 0
