"""Every link of every page leads somewhere, for whoever it is shown to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from tests.fakes.browser import Browser
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.test_role_matrix import CALL
from tests.portal.web.full_world import one_of_everything, place_of
from tests.portal.web.page_table import PAGES
from tests.portal.web.web_world import browsing_as, some_calls

PEOPLE: Final = {"operator": "operator", "auditor": "auditor", "gaonde": "company", "nuri": "provider"}
ELSEWHERE: Final = ("https:", "#")
MADE_UP: Final = f"/calls/{CALL.op}"  # the call of a correction that was put into the books by hand


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        await one_of_everything(world)
        yield world


async def links_of(browser: Browser, path: str) -> dict[str, str]:
    """What a page leads to, with the page; not itself in another language or order."""
    seen = await browser.get(path)
    if seen.is_file or seen.status != 200:
        return {}
    return {
        link.partition("#")[0]: path
        for link in seen.page.links
        if not link.startswith(ELSEWHERE) and "?lang=" not in link and "sort=" not in link
    }


@pytest.mark.campaign
async def test_every_link_answers(world: OfficeWorld) -> None:
    [call] = await some_calls(world, 1)
    dead = []
    for who, role in PEOPLE.items():
        async with browsing_as(world, who) as browser:
            found: dict[str, str] = {}
            for path, roles in PAGES.items():
                if roles.rstrip("*+!") == role:
                    found |= await links_of(browser, place_of(path, call))
            assert len(found) > 50
            for link, path in found.items():
                if not link.endswith(MADE_UP) and (status := (await browser.get(link)).status) != 200:
                    dead.append((who, link, status, f"on {path}"))
    assert dead == [], "\n".join(map(str, dead))
