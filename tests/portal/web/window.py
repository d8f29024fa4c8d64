"""A person at a window of a real browser: follows links, presses buttons and reads, by the words on the page.

A journey is told in Korean. At an English window the same words are looked up in the phrase book, which is
written by hand and knows nothing of the code's texts.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.portal.web.phrases import ENGLISH
from tests.portal.web.web_world import PASSWORD

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM: Final = shutil.which("chromium")
# Nothing of the browser's own asks anybody outside.
QUIET: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
WAIT_MS: Final = 60_000


class Window:
    def __init__(self, page: Page, address: str, language: str) -> None:
        self.page = page
        self.address = address
        self.language = language
        self.complaints: list[str] = []
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def said(self, words: str) -> str:
        return words if self.language == "ko" else ENGLISH.get(words, words)

    async def sign_in(self, email: str) -> None:
        await self.page.goto(f"{self.address}/?lang={self.language}")
        await self.link("로그인")
        await self.page.get_by_label(self.said("이메일")).fill(email)
        await self.page.get_by_label(self.said("비밀번호")).fill(PASSWORD)
        await self.button("로그인")

    async def link(self, *words: str) -> None:
        """One after the other."""
        for one in words:
            await self.page.get_by_role("link", name=self.said(one), exact=True).first.click()

    async def button(self, words: str) -> None:
        await self.page.get_by_role("button", name=self.said(words), exact=True).click()

    async def fill(self, **entries: str) -> None:
        for name, value in entries.items():
            await self.page.locator(f"[name='{name.replace('__', '.')}']").fill(value)

    async def choose(self, **entries: str) -> None:
        for name, value in entries.items():
            await self.page.locator(f"select[name='{name}']").select_option(value)

    async def tick(self, *labels: str) -> None:
        for label in labels:
            await self.page.get_by_label(self.said(label)).check()

    async def attach(self, path: Path, *, to: str) -> None:
        await self.page.locator(f"[name='{to}']").set_input_files(path)

    async def shows(self, *words: str) -> None:
        for one in words:
            await self.page.get_by_text(self.said(one)).first.wait_for()

    async def text(self, selector: str) -> str:
        return await self.page.locator(selector).first.inner_text()


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield launched
        await launched.close()
