"""How pages stand in a narrow window, measured in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest

from portal.web import sessions
from portal.web.shell import SESSION_COOKIE
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.journey_world import served
from tests.portal.web.web_world import some_calls
from tests.portal.web.window import CHROMIUM, browser

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.campaign,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]
PHONE_PX: Final = 390
# The words of a text that stand on more than one line.
BROKEN: Final = """(one) => {
    const range = document.createRange();
    const text = one.firstChild;
    const found = [];
    for (const word of text.data.matchAll(/[a-z0-9]+/gi)) {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        if (range.getClientRects().length > 1) found.push(word[0]);
    }
    return found;
}"""


@asynccontextmanager
async def a_window(
    world: OfficeWorld, launched: Browser, address: str, who: str, width_px: int
) -> AsyncIterator[Page]:
    async with world.pool.connection() as conn:
        token = await sessions.begin(conn, PEOPLE[who].email, now=world.now)
    context = await launched.new_context(viewport={"width": width_px, "height": 900})
    await context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": address}])
    page = await context.new_page()
    yield page
    await context.close()


async def test_an_id_breaks_at_its_hyphens_alone(books_url: str) -> None:
    async with opened(books_url) as world, served(world) as address, browser() as launched:
        await world.to_an_amendment(PROGRAMME | {"name": "AI 바우처 2026"}, ROUND, APPLICATION)
        async with a_window(world, launched, address, "gaonde", PHONE_PX) as page:
            broken = []
            for width_px in range(220, 420, 10):
                await page.set_viewport_size({"width": width_px, "height": 900})
                await page.goto(f"{address}/company")
                broken += await page.locator("h3 .id").evaluate(BROKEN)
            assert broken == []


NARROW: Final = {
    "gaonde": ("/company", "/company/usage"),
    "auditor": (
        "/audit/checks",
        "/audit/trace/programmes/ai-2026",
        "/audit/trace/vouchers/gaonde-2026",
        "/audit/vouchers/gaonde-2026",
        "/audit/calls/op1",
    ),
}
# By how much tables with amounts are wider than what shows them.
HIDDEN_PX: Final = """(all) => Object.fromEntries(all.filter((one) => one.querySelector("td.n")).map(
    (one) => [one.ariaLabel, one.scrollWidth - one.clientWidth]).filter((one) => one[1] > 0))"""


async def test_no_amount_is_cut_off_on_a_phone(books_url: str) -> None:
    async with opened(books_url) as world, served(world) as address, browser() as launched:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        await some_calls(world, 1)
        hidden = {}
        for who, paths in NARROW.items():
            async with a_window(world, launched, address, who, PHONE_PX) as page:
                for path in paths:
                    await page.goto(address + path)
                    if found := await page.locator(".scroll").evaluate_all(HIDDEN_PX):
                        hidden[path] = found
        assert hidden == {}


async def test_what_is_wider_than_its_window_shows_that_there_is_more(books_url: str) -> None:
    """The trace, where it is no phone: amounts of billions beside each other."""
    async with opened(books_url) as world, served(world) as address, browser() as launched:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        path = f"{address}/audit/trace/programmes/ai-2026"
        async with a_window(world, launched, address, "auditor", 600) as page:
            await page.goto(path)
            style = "(one) => getComputedStyle(one).backgroundAttachment"
            assert await page.locator(".scroll").last.evaluate(style) == "local, local, scroll, scroll"
        async with a_window(world, launched, address, "auditor", 1280) as page:
            await page.goto(path)
            assert await page.locator(".scroll").evaluate_all(HIDDEN_PX) == {}
