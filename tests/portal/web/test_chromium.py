"""One first job by clicks, in a real browser and in Korean: from a programme to a voucher and its key.

The operator and the company work in two windows. What they did is then read from the ledger.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from config.settings import Limits, read_limits
from launch import sockets
from launch.serving import build_server
from tests.fakes.office_world import AFTER_CLOSING, OfficeWorld, opened
from tests.portal.web.web_world import PASSWORD, with_password

if TYPE_CHECKING:
    from playwright.async_api import Page

CHROMIUM: Final = shutil.which("chromium")
# Nothing of the browser's own asks anybody outside.
QUIET: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
WAIT_MS: Final = 60_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]


@asynccontextmanager
async def served(world: OfficeWorld) -> AsyncIterator[str]:
    """The office on a port of this machine, in this process. -> its address."""
    listener = sockets.bind("127.0.0.1", 0, what="office")
    limits: Limits = read_limits({})
    server = build_server(world.app, limits=limits, drain_s=1)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{sockets.port_of(listener)}"
    finally:
        server.should_exit = True
        await serving


class Window:
    """A person at a window: follows links and presses buttons by their words."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def sign_in(self, email: str) -> None:
        await self.page.goto(f"{self.address}/")
        await self.link("로그인")
        await self.page.get_by_label("이메일").fill(email)
        await self.page.get_by_label("비밀번호").fill(PASSWORD)
        await self.button("로그인")

    async def link(self, words: str) -> None:
        await self.page.get_by_role("link", name=words, exact=True).first.click()

    async def button(self, words: str) -> None:
        await self.page.get_by_role("button", name=words, exact=True).click()

    async def fill(self, **entries: str) -> None:
        for name, value in entries.items():
            await self.page.locator(f"[name='{name.replace('__', '.')}']").fill(value)

    async def shows(self, words: str) -> None:
        await self.page.get_by_text(words).first.wait_for()


@asynccontextmanager
async def windows(address: str, count: int) -> AsyncIterator[list[Window]]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        opened = []
        for _ in range(count):
            context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="ko-KR")
            opened.append(Window(await context.new_page(), address))
        yield opened
        await browser.close()


async def announces(operator: Window) -> None:
    await operator.link("사업 만들기")
    await operator.fill(
        id="ai-2026",
        name="초거대 AI API 활용 지원",
        budget_krw="1000만",
        max_voucher_krw="6,000,000",
        starts_on="2026-01-01",
        ends_on="2026-12-31",
        shares__0__class="sme",
        shares__0__share="75",
    )
    await operator.button("사업 만들기")
    await operator.button("사업 개시")
    await operator.link("회차 만들기")
    await operator.fill(
        id="ai-2026-1",
        name="1차 공모",
        budget_krw="800만",
        cap_krw="500만",
        opens_at="2026-03-02T09:00",
        closes_at="2026-03-24T15:00",
        criteria__0__name="활용 계획",
        criteria__0__max_points="100",
    )
    await operator.button("회차 만들기")
    await operator.link("공고하기")
    await operator.button("공고하기")
    await operator.shows("처리되었습니다: 공고하기")


async def applies(company: Window) -> None:
    await company.link("1차 공모")
    await company.link("신청서 작성")
    await company.fill(title="상담 자동화", plan="상담 기록을 요약한다.", government_krw="300만")
    await company.button("신청서 작성")
    await company.button("제출하기")
    await company.shows("처리되었습니다: 제출하기")


async def selects_and_offers(operator: Window) -> None:
    await operator.link("할 일")
    await operator.link("적격 심사를 기다리는 신청")
    await operator.link("ap-000001")
    await operator.link("적격 처리")
    await operator.button("적격 처리")
    await operator.link("점수 입력")
    await operator.fill(points__c1="85")
    await operator.button("점수 입력")
    await operator.button("평가 완료")
    await operator.link("ai-2026-1")
    await operator.link("평가 순위")
    await operator.shows("ap-000001")
    await operator.link("1차 공모")
    await operator.link("선정 확정")
    await operator.button("선정 확정")
    await operator.link("ap-000001")
    await operator.link("협약 제시")
    await operator.button("협약 제시")
    await operator.shows("협약 대기")


async def makes_a_key(company: Window) -> str:
    await company.link("API 키")
    await company.link("새 키 만들기")
    await company.fill(name="backend")
    await company.button("새 키 만들기")
    text = await company.page.locator("#key").inner_text()
    assert text in await company.page.locator("#curl").inner_text()
    await company.link("홈")
    await company.shows("4,000,000원")
    return text


async def test_a_programme_becomes_a_voucher_by_clicks(books_url: str, tmp_path: Path) -> None:
    async with (
        opened(books_url) as world,
        served(world) as address,
        windows(address, 2) as (operator, company),
    ):
        for window, who in ((operator, "operator"), (company, "gaonde")):
            await window.sign_in(await with_password(world, who))
        await announces(operator)
        await company.link("홈")
        await applies(company)
        world.now = AFTER_CLOSING
        for window, who in ((operator, "operator"), (company, "gaonde")):
            await window.sign_in(await with_password(world, who))  # three weeks later
        await selects_and_offers(operator)
        await company.link("협약")
        await company.link("ag-000001")
        await company.link("협약 체결")
        await company.button("협약 체결")
        world.now += timedelta(minutes=1)
        await operator.page.reload()
        await operator.link("바우처 발급")
        await operator.button("바우처 발급")
        await operator.shows("사용 가능")
        key = await makes_a_key(company)
        assert [operator.complaints, company.complaints] == [[], []]
        await _in_the_books(world, key)


async def _in_the_books(world: OfficeWorld, key: str) -> None:
    accounts: dict[str, Any] = (await world.books()).accounts
    assert accounts["programme/ai-2026/budget"] == -3_000_000_000_000
    assert accounts["voucher/vo-000001/government"] == 3_000_000_000_000
    assert accounts["voucher/vo-000001/self"] == 1_000_000_000_000
    log = (await world.get("auditor", "vouchers/vo-000001/log"))["data"]
    assert [(step["action"], step["person"]) for step in log] == [("issue", "operator@example.org")]
    made = await world.get("gaonde", "api_keys/gaonde/backend")
    assert key.endswith(made["last_characters"])
