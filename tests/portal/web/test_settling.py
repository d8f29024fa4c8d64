"""The end in a browser: an auditor finds, a company objects, the agency returns the rest; then the sheets."""

from __future__ import annotations

from tests.fakes.books_world import WON
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_settlement import CALLS, used
from tests.portal.web.web_world import browsing_as


async def test_the_end_is_done_by_clicks(books_url: str) -> None:
    async with opened(books_url) as world:
        ended = await used(world, *CALLS)
        await ended.expire()
        await an_auditor_finds(world)
        await the_company_objects(world)
        await the_agency_settles(world)
        accounts = (await world.books()).accounts
        assert accounts["programme/ai-2026/interest"] == 1_234 * WON
        assert accounts["programme/ai-2026/clawed_back"] == CALLS[1] * 3 // 4
        sheet = await the_company_keeps_its_sheets(world)
        async with browsing_as(world, "hanbit") as browser:
            assert (await browser.get("/company/settlements/se-000001")).status == 404
            assert (await browser.get(sheet)).status == 404


async def an_auditor_finds(world: OfficeWorld) -> None:
    path = "/audit/agreements/ag-000001/do/finding.find"
    async with browsing_as(world, "auditor") as browser:
        assert path in (await browser.get("/audit/agreements/ag-000001")).page.links
        await browser.get(path)
        twice = await browser.submit(path, lines__0__call="op-1", lines__0__month="2026-09", reason="?")
        assert twice.status == 422
        await browser.get(path)
        seen = await browser.submit(path, lines__0__call="op-1", reason="목적 외 사용")
        assert seen.path.partition("?")[0] == "/audit/findings/fi-000001"
        assert "불인정 통보" in seen.text
        assert not [link for link in seen.page.links if "/do/" in link]  # and nothing else


async def the_company_objects(world: OfficeWorld) -> None:
    async with browsing_as(world, "gaonde") as browser:
        seen = await browser.get("/company/agreements/ag-000001")
        assert "/company/findings/fi-000001" in seen.page.links
        path = "/company/findings/fi-000001/do/finding.object"
        await browser.get(path)
        assert "이의신청" in (await browser.submit(path, reason="업무용입니다")).text


async def the_agency_settles(world: OfficeWorld) -> None:
    async with browsing_as(world, "operator", language="en") as browser:
        path = "/operator/agreements/ag-000001/do/settlement.open"
        await browser.get(path)
        seen = await browser.submit(path)
        assert "Enter the interest first" in seen.text  # why the next step is not offered
        path = "/operator/settlements/se-000001/do/settlement.enter_interest"
        await browser.get(path)
        await browser.submit(path, amount_krw="1,234", document="이자 확인서")
        path = "/operator/settlements/se-000001/do/settlement.return_unused"
        await browser.get(path)
        seen = await browser.submit(path)
        left_won = (3_000_000 * WON - sum(CALLS) * 3 // 4) // WON
        assert f"₩{left_won:,}" in seen.text
        path = "/operator/findings/fi-000001/do/finding.confirm"
        await browser.get(path)
        assert "Clawed back" in (await browser.submit(path, reason="규정 위반")).text


async def the_company_keeps_its_sheets(world: OfficeWorld) -> str:
    async with browsing_as(world, "gaonde") as browser:
        seen = await browser.get("/company/agreements/ag-000001")
        assert "/company/settlements/se-000001" in seen.page.links
        seen = await browser.get("/company/settlements/se-000001")
        sheets = [link for link in seen.page.links if "/sheet?" in link]
        assert len(sheets) == 4 * 3
        for link in (sheets[0], sheets[-1]):
            assert (await browser.get(link)).is_file
        assert (await browser.get("/company/settlements/se-000001/sheet?form=other")).status == 404
    return sheets[0]
