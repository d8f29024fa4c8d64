"""People by pages: invited by a link that is shown once, let in no more, and let in again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.web.web_world import browsing_as


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_an_operator_invites_somebody_by_a_link_that_is_shown_once(world: OfficeWorld) -> None:
    entered = {"email": "New@gaonde.example", "role": "company", "company": "gaonde"}
    async with browsing_as(world, "operator") as browser:
        await browser.get("/operator/users/new")
        lost = await browser.submit(**(entered | {"company": ""}))
        assert (lost.status, lost.page.forms[-1].values["email"]) == (422, ["New@gaonde.example"])
        form = (await browser.get("/operator/users/new")).page.forms[-1]
        values = {**form.values, **entered}
        made = await browser.send("/operator/users/new", values)
        link = made.html.partition('id="link">')[2].partition("<")[0]
        assert link.startswith("http://o/welcome/")
        again = await browser.send("/operator/users/new", values)
        assert (again.status, link in again.html) == (409, False)
        assert "new@gaonde.example" in (await browser.get("/operator/users?role=company")).text
        assert "new@gaonde.example" not in (await browser.get("/operator/users?role=auditor")).text
        assert "new@gaonde.example" in (await browser.get(link.removeprefix("http://o"))).text


async def test_who_is_let_in_no_more_is_let_in_again(world: OfficeWorld) -> None:
    path = "/operator/users/kim@gaonde.example"
    async with browsing_as(world, "operator") as browser, browsing_as(world, "gaonde") as theirs:
        for is_in in (False, True):
            await browser.get(path)
            assert (await browser.submit(path)).status == 200
            assert (await theirs.get("/company")).path.startswith("/sign-in") != is_in
        assert len((await browser.get("/operator/users/operator@example.org")).page.forms) == 1  # sign-out
    async with browsing_as(world, "auditor") as browser:
        assert len((await browser.get("/audit/users/kim@gaonde.example")).page.forms) == 1
