"""A provider is paid by clicks, in both languages, and every figure of its page is the ledger's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from tests.fakes.books_world import WON
from tests.fakes.browser import Browser, Seen
from tests.fakes.payables_world import PayablesWorld, payables_world
from tests.portal.web.web_world import browsing_as


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[PayablesWorld]:
    async with payables_world(books_url) as world:
        yield world


async def step(browser: Browser, path: str, action: str, **entries: str) -> Seen:
    """The step's own page, or the button of the thing's."""
    there = f"{path}/do/{action}"
    await browser.get(path if not entries and action.endswith("propose") else there)
    seen = await browser.submit(there, **entries)
    assert (seen.status, seen.path.partition("?")[0]) == (200, path), seen.text
    return seen


def compared(seen: Seen) -> list[tuple[str, ...]]:
    """The rows of the table that lays the page beside the ledger."""
    table = seen.html.partition("원장 대조</h2>")[2].partition("</table>")[0]
    return [
        tuple(re.sub("<[^>]*>", " ", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row))
        for row in table.split("<tbody>")[1].split("</tr>")
        if "<td" in row
    ]


async def test_a_provider_is_paid_by_clicks(world: PayablesWorld) -> None:
    office = world.office
    change = {"from": "2026-09", "basis_points": 1_000, "reason": "성능 보증"}
    await office.post("operator", "programmes/ai-2026/change-holdback", change)
    await world.call(1_800 * WON + 300_000, "2026-09")
    await world.close("2026-09")
    await world.call(7 * WON, "2026-10")
    async with (
        browsing_as(office, "nuri") as nuri,
        browsing_as(office, "operator") as operator,
        browsing_as(office, "second") as second,
    ):
        await nuri.get("/provider/payout_accounts/new")
        wrong = await nuri.submit(bank_code="088", number="123", holder="누리모델")
        assert wrong.status == 422
        made = await nuri.submit(bank_code="088", number="110-123-456789", holder="누리모델")
        assert (made.path.partition("?")[0], "****6789" in made.text) == (
            "/provider/payout_accounts/pa-000001",
            True,
        )
        assert "123456789" not in made.html
        await step(operator, "/operator/payout_accounts/pa-000001", "payout_account.confirm")

        payable = "/operator/payables/py-000001"
        await step(operator, payable, "payable.propose")
        assert "지급을 요청한 사람은 승인할 수 없습니다." in (await operator.get(payable)).text
        await step(second, payable, "payable.approve")
        await operator.get("/operator/payout_batches/new")
        batch = await operator.submit(payables="py-000001")
        assert (batch.path, "지급 중" in batch.text) == ("/operator/payout_batches/pb-000001", True)
        file = await operator.get("/operator/payout_batches/pb-000001/file")
        assert file.headers["content-disposition"] == 'attachment; filename="pb-000001.csv"'
        assert file.html.splitlines()[1] == "088,110123456789,누리모델,1620,2026-09 py-000001,po-000001"
        results = "/operator/payout_batches/pb-000001/results"
        await operator.get(results)
        bad = await operator.submit(content="payout,amount_won,result,reason\npo-000001,1,paid,")
        assert (bad.status, "2행, amount_won: 지급한 금액과 다릅니다." in bad.text) == (409, True)
        done = await operator.submit(content="payout,amount_won,result,reason\npo-000001,1620,paid,")
        assert (done.path, "지급 완료" in done.text) == ("/operator/payout_batches/pb-000001", True)

        seen = await nuri.get("/provider/payables/py-000001")
        assert compared(seen) == [
            ("내역 합계와 공급가액", "1,800", "1,800", "● 일치"),
            ("유보액", "180", "180", "● 일치"),
            ("지급했거나 지급 중인 금액", "1,620", "1,620", "● 일치"),
            ("이 공급기업에 지급할 전체(미지급, 미징수액, 원 미만, 마감 전 이용액)", "7.3", "7.3", "● 일치"),
        ]
        accounts = await world.accounts()
        assert accounts == {
            "provider/nuri/payable": 7 * WON + 300_000,
            "provider/nuri/holdback": 180 * WON,
            "clearing/bank/out": 1_620 * WON,
        }
        objected = await nuri.get("/provider/payables/py-000001/do/objection.make")
        objected = await nuri.submit(reason="호출이 더 있습니다")
        assert (objected.path.partition("?")[0], objected.status) == ("/provider/objections/ob-000001", 200)
        english = (await nuri.get("/provider/payables?lang=en")).text
        assert "Payables" in english
        assert "1,620" in english
        assert re.findall("[가-힣]", english.replace("한국어", "").replace("누리모델", "")) == []
