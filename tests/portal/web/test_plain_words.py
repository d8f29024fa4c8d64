"""What the books keep as a code is read as a word, once, and with its unit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.web_world import browsing, browsing_as

SHARES = {"sme": "0.75", "startup": "0.9", "midsize": "0.5", "village": "0.95"}


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde with a voucher, in a programme that has a class of its own."""
    async with opened(books_url) as world:
        await world.to_an_amendment(
            PROGRAMME | {"shares": SHARES}, ROUND | {"classes": ["sme", "village"]}, APPLICATION
        )
        yield world


async def test_known_classes_of_companies_have_names(world: OfficeWorld) -> None:
    said = {
        "ko": ("중소기업 75%", "창업기업 90%", "중견기업 50%", "village 95%", "중소기업", "중소기업 village"),
        "en": ("SME 75%", "Startup 90%", "Mid-size 50%", "village 95%", "SME", "SME village"),
    }
    for language, (*shares, name, both) in said.items():
        async with browsing_as(world, "operator", language=language) as browser:
            programme = (await browser.get("/operator/programmes/ai-2026")).text
            assert [one for one in shares if one not in programme] == []
            for path in ("vouchers/gaonde-2026", "agreements/ag-000001", "companies/gaonde", "companies"):
                seen = (await browser.get(f"/operator/{path}")).text
                assert (name in seen, "sme" in seen) == (True, False), path
            assert both in (await browser.get("/operator/rounds/ai-2026-1")).text


async def test_a_share_has_its_unit_once(world: OfficeWorld) -> None:
    """Beside a value that has it, the label has none; where a number is entered, the label says of what."""
    async with browsing_as(world, "operator") as browser:
        assert "정부지원 비율 75%" in (await browser.get("/operator/vouchers/gaonde-2026")).text
        for form in ("new", "ai-2026/do/programme.change_share"):
            assert "정부지원 비율(%)" in (await browser.get(f"/operator/programmes/{form}")).text


async def test_a_filter_that_cannot_be_read_is_named_as_on_the_page(world: OfficeWorld) -> None:
    for language, state, pages in (
        ("ko", "조회 조건을 확인해 주세요: 상태", "조회 조건을 확인해 주세요: 쪽 이동"),
        ("en", "The filter State cannot be read.", "The filter Pages cannot be read."),
    ):
        async with browsing_as(world, "operator", language=language) as browser:
            for query, said in (("state=nothing", state), ("after=%25", pages)):
                seen = await browser.get(f"/operator/programmes?{query}")
                assert (seen.status, said in seen.text) == (400, True)


async def test_the_front_page_is_named_once(world: OfficeWorld) -> None:
    async with browsing(world) as browser:
        assert "<title>AI 바우처 게이트웨이</title>" in (await browser.get("/")).html
        assert "<title>로그인 · AI 바우처 게이트웨이</title>" in (await browser.get("/sign-in")).html
