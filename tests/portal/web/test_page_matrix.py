"""Role × page × tenant × language: nobody sees what is not theirs, and a form is the page's own.

The table of pages is written by hand: one that it does not list fails, and so does one that is gone. The
names in these books are hostile, and no page lets them be more than text.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from portal.web.shell import HEADERS
from tests.fakes.browser import Browser, Seen
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.web.full_world import one_of_everything, place_of
from tests.portal.web.page_table import FILES, IDS, PAGES, STEPS
from tests.portal.web.web_world import EVALUATED, browsing, browsing_as, some_calls

PEOPLE: Final = {
    "operator": ("operator", True),
    "auditor": ("auditor", True),
    "gaonde": ("company", True),
    "hanbit": ("company", False),
    "nuri": ("provider", True),
    "other": ("provider", False),
}
HOMES: Final = {
    "operator": "/operator",
    "auditor": "/audit",
    "company": "/company",
    "provider": "/provider",
}
HANGUL: Final = re.compile("[가-힣]")


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde has one of everything, under hostile names; nobody else has anything."""
    async with opened(books_url) as world:
        await one_of_everything(world)
        yield world


def wanted(roles: str, role: str, owns: bool, path: str) -> int:
    name = roles.rstrip("+")
    if name.rstrip("*!") != role:
        return 403
    if name.endswith("!"):
        return 404
    if name.endswith("*") and not owns:
        return 404
    if "{step}" in path and (path.split("/")[1], path.split("/")[2]) not in STEPS:
        return 409  # the thing is past every step of this person
    return 404 if path == "/audit/find" else 200


def sound(seen: Seen, language: str) -> list[str]:
    """What is wrong with a page, whatever it is of."""
    wrong = [name for name, value in HEADERS.items() if seen.headers.get(name.lower()) != value]
    if seen.is_file:
        return wrong
    page = seen.page
    tags = [tag for tag, _ in page.tags]
    if {"script", "img", "style", "iframe"} & set(tags) or EVALUATED in page.text:
        wrong.append("markup that is not ours")
    if any(name.startswith("on") or name == "style" for _, named in page.tags for name in named):
        wrong.append("an attribute that acts")
    if ("html", {"lang": language}) not in page.tags or tags.count("h1") != 1 or tags.count("main") != 1:
        wrong.append("the shell")
    ids = [named["id"] for _, named in page.tags if "id" in named]
    labels = {named["for"] for tag, named in page.tags if tag == "label" and "for" in named}
    if len(ids) != len(set(ids)) or not labels <= set(ids):
        wrong.append("ids and labels")
    if tags.count("table") != tags.count("caption"):
        wrong.append("a table without a caption")
    if any(tag == "th" and "scope" not in named for tag, named in page.tags):
        wrong.append("a head without a scope")
    return wrong


def theirs(seen: Seen) -> str:
    """What a page says beside the address that was asked for."""
    return seen.html.replace(seen.path, "")


async def seen_by(browser: Browser, path: str, answer: int, language: str) -> list[object]:
    seen = await browser.get(path)
    if seen.path.startswith("/sign-in") or seen.status != answer:
        return [(path, seen.status, answer)]
    if path in FILES and answer == 200:
        return [] if seen.html == "PK" else [(path, seen.html)]
    if path.endswith("/csv") and answer == 200:
        return [] if seen.html.startswith("\ufeff") else [(path, "no file")]
    if path.endswith("/file") and answer == 200:  # kept by the browser, not shown
        kept = seen.headers.get("content-disposition", "")
        return [] if kept.startswith("attachment; ") and "script" not in kept else [(path, kept)]
    return [(path, one) for one in sound(seen, language)]


def test_every_page_is_listed_and_says_who_may(mounted: dict[str, str]) -> None:
    assert mounted == PAGES


@pytest.fixture
def mounted() -> dict[str, str]:
    from portal.pages import Addresses
    from portal.web.web import all_pages

    found = {}
    for page in all_pages(Addresses(data_plane="http://d", office="http://o")):
        listed = PAGES.get(page.path, "")
        [role] = page.roles
        star = next((mark for mark in "*!" if mark in listed), "")  # whose own it is shows below
        found[page.path] = f"{role}{star}{'+' if page.act is not None else ''}"
    return found


async def test_nobody_sees_what_is_not_theirs(world: OfficeWorld) -> None:
    [call, *_] = await some_calls(world, 3)
    wrong: list[object] = []
    for who, (role, owns) in PEOPLE.items():
        for language in ("ko", "en") if owns else ("ko",):
            async with browsing_as(world, who, language=language) as browser:
                for path, roles in PAGES.items():
                    answer = wanted(roles, role, owns, path)
                    if answer == 403 and language == "en" and who != "nuri":
                        continue
                    wrong += [
                        (who, language, one)
                        for one in await seen_by(browser, place_of(path, call), answer, language)
                    ]
                    if not owns and browser.at is not None and "gaonde-2026" in theirs(browser.at):
                        wrong.append((who, path, "another's"))
    assert wrong == [], "\n".join(map(str, wrong))


async def test_a_foreign_id_answers_as_an_unknown_one(world: OfficeWorld) -> None:
    await some_calls(world, 1)
    async with browsing_as(world, "hanbit") as browser:
        for kind in ("applications", "agreements", "amendments", "vouchers", "payments"):
            foreign = await browser.get(f"/company/{kind}/{IDS[kind]}")
            unknown = await browser.get(f"/company/{kind}/{'x' * len(IDS[kind])}")
            same = [one.html.replace(one.path.split("/")[-1], "ID") for one in (foreign, unknown)]
            assert [foreign.status, unknown.status] == [404, 404]
            assert same[0] == same[1]


async def steps(world: OfficeWorld) -> Any:
    async with world.pool.connection() as conn:
        return await (await conn.execute("select count(*) from step")).fetchone()


async def test_without_the_pages_own_form_nothing_is_done(world: OfficeWorld) -> None:
    before = await steps(world)
    for who in ("operator", "gaonde", "nuri", "auditor"):
        async with browsing_as(world, who) as browser, browsing_as(world, "other") as other:
            await other.get("/provider")
            theirs = other.at.page.forms[0].values["form_token"] if other.at else []
            for path, roles in PAGES.items():
                if not roles.endswith("+") or not roles.startswith(PEOPLE[who][0]):
                    continue
                for forged in ({}, {"form_token": ""}, {"form_token": theirs}):
                    seen = await browser.send(place_of(path, ""), {**forged, "reason": "확인"})
                    assert seen.status == 403, path
                    assert "보안 확인" in seen.text
    async with browsing(world) as nobody:
        seen = await nobody.send("/operator/vouchers/gaonde-2026/do/voucher.suspend", {"reason": "확인"})
        assert seen.path.startswith("/sign-in")
    assert await steps(world) == before


async def test_nobody_moves_what_is_not_theirs(world: OfficeWorld) -> None:
    """With a form of one's own, sent to another's address."""
    before, wrong = await steps(world), []
    for who in ("auditor", "hanbit", "nuri", "gaonde"):
        role, owns = PEOPLE[who]
        async with browsing_as(world, who) as browser:
            token = (await browser.get(HOMES[role])).page.forms[0].values["form_token"]
            for path, roles in PAGES.items():
                answer = wanted(roles, role, owns, path)
                if not roles.endswith("+") or answer not in (403, 404):
                    continue
                seen = await browser.send(place_of(path, ""), {"form_token": token, "reason": "확인"})
                if seen.status != answer:
                    wrong.append((who, path, seen.status, answer))
    assert wrong == []
    assert await steps(world) == before


async def test_forms_have_a_limit(world: OfficeWorld) -> None:
    async with browsing_as(world, "operator") as browser:
        await browser.get("/operator/programmes/new")
        assert (await browser.submit(name="가" * 300_000)).status == 413
        await browser.get("/operator/programmes/new")
        many = {f"field{n}": "1" for n in range(500)}
        assert (await browser.submit(**many)).status == 413


async def test_english_pages_are_english(world: OfficeWorld) -> None:
    async with browsing_as(world, "operator") as browser:
        seen = await browser.get("/operator/calls?lang=en&sort=-charge_micro")
        assert HANGUL.findall(seen.text.replace("한국어", "")) == []
        other = next(link for link in seen.page.links if "lang=ko" in link)
        assert "sort=-charge_micro" in other
        assert "호출 내역" in (await browser.get(other)).text
        assert "호출 내역" in (await browser.get("/operator/calls")).text  # and it stays chosen


async def test_an_unknown_address_has_the_shell_for_people_and_json_for_programs(world: OfficeWorld) -> None:
    async with browsing(world) as browser:
        page = await browser.http.get("/absent", headers={"accept": "text/html"})
        assert page.status_code == 404
        assert page.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        assert "<h1>" in page.text
        assert (await browser.http.get("/api/absent", headers={"accept": "text/html"})).json()[
            "code"
        ] == "not_found"
