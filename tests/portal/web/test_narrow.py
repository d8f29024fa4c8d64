"""How pages stand in a narrow window, measured in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from portal.web import sessions
from portal.web.shell import SESSION_COOKIE
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.journey_world import served
from tests.portal.web.window import CHROMIUM, browser

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]
PHONE_PX = 390
# The words of a text that stand on more than one line.
BROKEN = """(one) => {
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
