"""What a form does when it is sent twice or wrongly, what is shown once, and totals that are the ledger's."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from metering.money import format_krw
from portal.web import formats
from tests.fakes.browser import Browser
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.web_world import browsing_as, some_calls


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def voucher(world: OfficeWorld) -> dict[str, Any]:
    shown: dict[str, Any] = await world.get("operator", "vouchers/gaonde-2026")
    return shown


async def test_a_form_sent_twice_is_done_once(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    path = "/operator/vouchers/gaonde-2026/do/voucher.deposit"
    async with browsing_as(world, "operator") as browser:
        form = (await browser.get(path)).page.forms[-1]
        values = {**form.values, "amount_krw": "10만"}
        for _ in range(2):
            seen = await browser.send(path, values)
            assert (seen.status, "처리되었습니다: 예치 등록" in seen.text) == (200, True)
        assert (await voucher(world))["self_deposit_krw"] == "1100000"
        await browser.get(path)  # another form is another deposit
        await browser.submit(path, amount_krw="10만")
        assert (await voucher(world))["self_deposit_krw"] == "1200000"


async def test_what_is_refused_comes_back_with_what_was_entered(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    async with browsing_as(world, "operator") as browser:
        path = "/operator/vouchers/gaonde-2026/do/voucher.claw_back"
        await browser.get(path)
        unread = await browser.submit(path, amount_krw="많이", reason="부정수급 <b>")
        assert unread.status == 422
        assert "금액을 숫자로" in unread.text
        assert "오류: 환수" in unread.html.partition("</title>")[0]
        assert ("input", "true") in [(tag, named.get("aria-invalid")) for tag, named in unread.page.tags]
        again = unread.page.forms[-1].values
        assert (again["amount_krw"], again["reason"]) == (["많이"], ["부정수급 <b>"])
        refused = await browser.submit(path, amount_krw="5,000,000")
        assert (refused.status, "환수 금액이 집행액을 넘습니다." in refused.text) == (409, True)
        assert (await voucher(world))["state"] == "active"


async def test_what_a_provider_did_not_say_is_unknown_and_not_no(world: OfficeWorld) -> None:
    async with world.pool.connection() as conn:
        await conn.execute("update product set data_location = null, trains_on_input = null")
    async with browsing_as(world, "gaonde") as browser:
        assert "대화 확인 불가 확인 불가" in (await browser.get("/company/products")).text
        seen = (await browser.get("/company/products/nuri-x1")).text
        assert "데이터 처리 국가 확인 불가" in seen
        assert "입력 학습 이용 확인 불가" in seen


async def test_a_key_is_shown_once(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    async with browsing_as(world, "gaonde") as browser:
        form = (await browser.get("/company/keys/new")).page.forms[-1]
        values = {**form.values, "name": "batch", "krw_per_day": "5만", "products": "nuri-x1"}
        made = await browser.send("/company/keys/new", values)
        key = made.html.partition('id="key">')[2].partition("<")[0]
        assert key.startswith("vg_")
        assert f"Authorization: Bearer {key}" in made.text
        assert made.headers["cache-control"] == "no-store"
        again = await browser.send("/company/keys/new", values)
        assert (again.status, key in again.html) == (409, False)
        shown = await browser.get("/company/keys/batch")
        assert (key in shown.html, "50,000" in shown.text, "nuri-x1" in shown.text) == (False, True, True)
        await browser.get("/company/keys/batch/revoke")
        await browser.submit("/company/keys/batch/revoke")
        assert "폐기" in (await browser.get("/company/keys/batch")).text
    assert (await world.get("gaonde", "api_keys/gaonde/batch"))["revoked"]


async def test_a_key_with_a_korean_name_has_its_pages(world: OfficeWorld) -> None:
    async with browsing_as(world, "gaonde") as browser:
        await browser.get("/company/keys/new")
        made = await browser.submit("/company/keys/new", name="상담 서버")
        assert (made.status, 'id="key"' in made.html) == (200, True)
        link = next(one for one in (await browser.get("/company/keys")).page.links if "/keys/%EC" in one)
        await browser.get(f"{link}/revoke")
        assert "폐기" in (await browser.submit()).text
        assert (await browser.get(link)).status == 200


async def rows_through(browser: Browser, path: str) -> list[int]:
    """How many rows each page has, to the last one and back again to the first."""
    found: list[int] = []
    for word in ("다음", "이전"):
        while True:
            seen = browser.at if browser.at is not None and found else await browser.get(path)
            assert seen is not None
            found.append(seen.html.count("차감 완료") - seen.html.count(">차감 완료</option>"))
            link = seen.html.partition(f">{word}</a>")[0].rpartition('href="')[2].partition('"')[0]
            if f">{word}</a>" not in seen.html:
                break
            await browser.get(link.replace("&amp;", "&"))
    return found


async def test_totals_are_the_ledgers_whatever_page_is_shown(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    await some_calls(world, 60)
    accounts = (await world.books()).accounts
    payable = accounts["provider/nuri/payable"]
    assert payable == 60 * 215_000
    spent = formats.amount(payable)
    async with browsing_as(world, "gaonde") as browser:
        assert await rows_through(browser, "/company/usage") == [50, 10, 10, 50]
        for path in ("/company/usage", "/company/usage?sort=charge_micro", "/company/usage?product=nuri-x1"):
            assert f"합계(조건 전체 60건) 720 2,400 {spent}" in (await browser.get(path)).text
        assert "조건에 맞는 내역이 없습니다" in (await browser.get("/company/usage?product=none")).text
        assert (await browser.get("/company/usage?status=spent")).status == 400
        for key in ("%00", base64.urlsafe_b64encode(b"[" * 5_000).decode()):
            assert (await browser.get(f"/company/usage?after={key}")).status == 400
        assert (await browser.get("/company/usage?sort=company_id;drop")).status == 200
        home = (await browser.get("/company")).text
        for source, granted in (("government", 3_000_000), ("self", 1_000_000)):
            left = accounts[f"voucher/gaonde-2026/{source}"]
            assert formats.won(left, "ko") in home
            assert formats.amount(granted * 1_000_000 - left) in home
    async with browsing_as(world, "auditor") as browser:
        seen = (await browser.get("/audit/vouchers/gaonde-2026")).text
        assert (seen.count("일치"), "차이" in seen) == (3, False)
        assert (await browser.get("/audit/find?q=op7")).path == "/audit/calls/op7"
        call = (await browser.get("/audit/calls/op7")).text
        assert "provider/nuri/payable" in call
        assert "합계 0" in call
    async with browsing_as(world, "nuri") as browser:
        assert f"{format_krw(payable)}원" in (await browser.get("/provider")).text
