"""The end of a voucher without an agreement in a browser: from its own page, and none names an agreement."""

from __future__ import annotations

from typing import Final

from tests.fakes.books_world import WON
from tests.fakes.browser import Browser, Seen
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_settlement import CALLS, DECLARED, declared_and_used
from tests.portal.web.web_world import browsing_as

ITS: Final = {prefix: f"/{prefix}/vouchers/{DECLARED}" for prefix in ("operator", "audit", "company")}
LEFT_WON: Final = (3_000_000 * WON - sum(CALLS) * 3 // 4) // WON
# Where it shows, and to which pages these lead.
PLACES: Final = {
    "/operator/settlements": ("/operator/settlements/se-000001", ITS["operator"]),
    "/operator/settlements/se-000001": ("/operator/findings/fi-000001", ITS["operator"]),
    "/operator/findings": ("/operator/findings/fi-000001", ITS["operator"]),
    "/operator/findings/fi-000001": (ITS["operator"],),
    ITS["operator"]: ("/operator/settlements/se-000001", "/operator/findings/fi-000001"),
}


async def test_the_end_of_a_declared_voucher_is_done_by_clicks(books_url: str) -> None:
    async with opened(books_url) as world:
        ended = await declared_and_used(world, *CALLS)
        await ended.expire()
        await an_auditor_finds(world)
        await the_agency_returns_the_rest(world)
        await every_page_leads_to_the_voucher(world)
        await the_company_sees_it(world)
        assert (await world.books()).accounts["programme/ai-2026/interest"] == 1_234 * WON


async def an_auditor_finds(world: OfficeWorld) -> None:
    path = f"{ITS['audit']}/do/finding.find"
    async with browsing_as(world, "auditor") as browser:
        seen = await browser.get(ITS["audit"])
        assert path in seen.page.links
        assert not [link for link in seen.page.links if "settlement.open" in link]
        await browser.get(path)
        seen = await browser.submit(path, lines__0__call="op-1", reason="목적 외 사용")
        assert seen.path.partition("?")[0] == "/audit/findings/fi-000001"
        names_no_agreement(seen)
        traced = await browser.get("/audit/trace/programmes/ai-2026")
        assert f"/audit/trace/vouchers/{DECLARED}" in traced.page.links


async def the_agency_returns_the_rest(world: OfficeWorld) -> None:
    path = f"{ITS['operator']}/do/settlement.open"
    async with browsing_as(world, "operator", language="en") as browser:
        assert await to_be_opened(browser) == [ITS["operator"]]
        assert path in (await browser.get(ITS["operator"])).page.links
        await browser.get(path)
        seen = await browser.submit(path)
        assert seen.path.partition("?")[0] == "/operator/settlements/se-000001"
        assert "Enter the interest first" in seen.text
        names_no_agreement(seen)
        # It has one now.
        assert await to_be_opened(browser) == []
        assert path not in (await browser.get(ITS["operator"])).page.links
        path = "/operator/settlements/se-000001/do/settlement.enter_interest"
        await browser.get(path)
        await browser.submit(path, amount_krw="1,234", document="이자 확인서")
        path = "/operator/settlements/se-000001/do/settlement.return_unused"
        await browser.get(path)
        assert f"₩{LEFT_WON:,}" in (await browser.submit(path)).text


async def to_be_opened(browser: Browser) -> list[str]:
    """The vouchers behind what the operator's home counts."""
    home, path = await browser.get("/operator"), "/operator/vouchers?settled=due"
    assert path in home.page.links
    seen = await browser.get(path)
    found = [link for link in dict.fromkeys(seen.page.links) if link.startswith("/operator/vouchers/")]
    counted = f'<span class="big">{len(found)}</span><a href="{path}">'
    assert counted in home.html
    return found


async def every_page_leads_to_the_voucher(world: OfficeWorld) -> None:
    for language in ("ko", "en"):
        async with browsing_as(world, "operator", language=language) as browser:
            for place, wanted in PLACES.items():
                seen = await browser.get(place)
                assert set(wanted) <= set(seen.page.links), place
                names_no_agreement(seen)
            sheet = await browser.get("/operator/settlements/se-000001/sheet?form=report&format=pdf")
            assert sheet.is_file


async def the_company_sees_it(world: OfficeWorld) -> None:
    async with browsing_as(world, "gaonde") as browser:
        seen = await browser.get(ITS["company"])
        assert {"/company/settlements/se-000001", "/company/findings/fi-000001"} <= set(seen.page.links)
        names_no_agreement(await browser.get("/company/settlements/se-000001"))
    async with browsing_as(world, "hanbit") as browser:
        assert (await browser.get("/company/settlements/se-000001")).status == 404
        assert "se-000001" not in (await browser.get("/company/settlements")).html


def names_no_agreement(seen: Seen) -> None:
    assert seen.status == 200
    assert "None" not in seen.text
    assert not [link for link in seen.page.links if "/agreements/" in link]
