"""The office's pages on real books, with people who can sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

import httpx2

from portal import passwords, people
from portal.web import sessions
from portal.web.shell import SESSION_COOKIE
from tests.fakes.browser import Browser
from tests.fakes.office_world import PEOPLE, OfficeWorld

PASSWORD: Final = "correct horse battery"


@cache
def hashed() -> str:
    return passwords.hash_password(PASSWORD)


@asynccontextmanager
async def browsing(world: OfficeWorld) -> AsyncIterator[Browser]:
    """Nobody yet."""
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://o") as http:
        yield Browser(http)


@asynccontextmanager
async def browsing_as(world: OfficeWorld, who: str, *, language: str = "ko") -> AsyncIterator[Browser]:
    """Somebody of PEOPLE, signed in already."""
    async with browsing(world) as browser:
        async with world.pool.connection() as conn:
            token = await sessions.begin(conn, PEOPLE[who].email, now=world.now)
        browser.http.cookies.set(SESSION_COOKIE, token)
        if language == "en":
            browser.http.cookies.set("office_language", "en")
        yield browser


async def with_password(world: OfficeWorld, who: str) -> str:
    """-> the mail address."""
    async with world.pool.connection() as conn:
        await people.put(conn, PEOPLE[who], password_hash=hashed())
    return PEOPLE[who].email
