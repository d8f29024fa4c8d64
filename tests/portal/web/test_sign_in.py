"""Coming in and going out: passwords, sessions, forms of others, and where a link leads afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from portal.web import entrance, sessions
from portal.web.shell import SESSION_COOKIE
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.web.web_world import PASSWORD, browsing, browsing_as, with_password


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_from_the_door_to_ones_home_and_out_again(world: OfficeWorld) -> None:
    email = await with_password(world, "gaonde")
    async with browsing(world) as browser:
        assert "로그인" in (await browser.get("/")).text
        home = await browser.sign_in(email.upper(), PASSWORD)
        assert (home.status, home.path) == (200, "/company")
        assert "가온데이터" in home.text
        assert (await browser.get("/")).path == "/company"
        token = browser.http.cookies[SESSION_COOKIE]
        left = await browser.send("/sign-out", home.page.forms[0].values)
        assert "로그아웃되었습니다" in left.text
        # The old cookie is worth nothing, wherever it was kept.
        browser.http.cookies.set(SESSION_COOKIE, token)
        assert (await browser.get("/company")).path.startswith("/sign-in")


async def test_each_sign_in_has_a_session_of_its_own(world: OfficeWorld) -> None:
    email = await with_password(world, "operator")
    async with browsing(world) as browser:
        await browser.sign_in(email, PASSWORD)
        first = browser.http.cookies[SESSION_COOKIE]
        await browser.sign_in(email, PASSWORD)
        second = browser.http.cookies[SESSION_COOKIE]
        assert first != second
        async with world.pool.connection() as conn:
            assert await sessions.whose(conn, first, now=world.now) is None
            assert await sessions.whose(conn, second, now=world.now) == email
            kept = await (await conn.execute("select token_hash from web_session")).fetchall()
        assert not any(second.encode() in bytes(row[0]) for row in kept)


@pytest.mark.parametrize("email", ["operator@example.org", "nobody@example.org", "", "a" * 5000, "\0@\0"])
async def test_wrong_logins_look_alike(world: OfficeWorld, email: str) -> None:
    await with_password(world, "operator")
    async with browsing(world) as browser:
        await browser.get("/sign-in")
        if len(email) > entrance.FORM_BYTES_MAX:
            assert (await browser.submit("/sign-in", email=email, password="wrong password")).status == 413
            return
        answer = await browser.submit("/sign-in", email=email, password="wrong password")
        assert answer.status in (401, 422)
        assert SESSION_COOKIE not in browser.http.cookies
        if "\0" not in email:
            assert "이메일 또는 비밀번호가 올바르지 않습니다" in answer.text


async def test_guessing_is_slowed_down(world: OfficeWorld) -> None:
    world.attempts.per_minute = 2
    async with browsing(world) as browser:
        for _ in range(2):
            await browser.get("/sign-in")
            assert (await browser.submit("/sign-in", email="kim@example.org", password="guess")).status == 401
        await browser.get("/sign-in")
        answer = await browser.submit("/sign-in", email="kim@example.org", password="guess")
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0


async def test_a_form_of_another_house_signs_nobody_in(world: OfficeWorld) -> None:
    email = await with_password(world, "operator")
    async with browsing(world) as browser:
        values = {"email": email, "password": PASSWORD}
        assert (await browser.send("/sign-in", values)).status == 403
        await browser.get("/sign-in")
        assert (await browser.send("/sign-in", values | {"form_token": "0" * 64})).status == 403
        assert SESSION_COOKIE not in browser.http.cookies
    async with browsing_as(world, "operator") as signed:
        assert (await signed.send("/sign-out", {"form_token": "forged"})).status == 403
        assert (await signed.get("/operator")).status == 200


@pytest.mark.parametrize(
    ("away", "is_over"),
    [
        (timedelta(minutes=29), False),
        (sessions.IDLE, True),
    ],
)
async def test_a_session_nobody_uses_ends(world: OfficeWorld, away: timedelta, is_over: bool) -> None:
    async with browsing_as(world, "operator") as browser:
        world.now += away
        assert (await browser.get("/operator")).path.startswith("/sign-in") == is_over


async def test_a_session_that_is_used_ends_after_a_working_day(world: OfficeWorld) -> None:
    async with browsing_as(world, "operator") as browser:
        begun = world.now
        while world.now < begun + sessions.LIFE - timedelta(minutes=20):
            assert (await browser.get("/operator")).status == 200
            world.now += timedelta(minutes=20)
        world.now = begun + sessions.LIFE
        assert (await browser.get("/operator")).path.startswith("/sign-in")


async def test_who_is_disabled_is_out_at_once(world: OfficeWorld) -> None:
    async with browsing_as(world, "hanbit") as browser:
        assert (await browser.get("/company")).path == "/company"
        async with world.pool.connection() as conn:
            await conn.execute("update person set disabled_at = now() where company = 'hanbit'")
        assert (await browser.get("/company")).path.startswith("/sign-in")


async def test_a_link_leads_where_it_led_before_signing_in(world: OfficeWorld) -> None:
    email = await with_password(world, "operator")
    async with browsing(world) as browser:
        seen = await browser.get("/operator/programmes?state=open")
        assert seen.path.startswith("/sign-in?next=")
        there = await browser.submit("/sign-in", email=email, password=PASSWORD)
        assert there.path == "/operator/programmes?state=open"


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        ("/company/usage?from=2026-03-01", True),
        ("https://evil.example/", False),
        ("//evil.example/", False),
        ("/\\evil.example/", False),
        ("/a\\b", False),
        ("/a\nb", False),
        ("javascript:alert(1)", False),
        ("", False),
        ("/" + "a" * 2001, False),
    ],
)
def test_only_paths_of_this_house_are_gone_on_to(path: str, is_ours: bool) -> None:
    assert (entrance.safe_next(path) == path) == is_ours


async def test_cookies_are_for_this_house_alone(world: OfficeWorld) -> None:
    email = await with_password(world, "operator")
    async with browsing(world) as browser:
        await browser.get("/sign-in")
        form = browser.at.page.forms[0] if browser.at else None
        assert form is not None
        answer = await browser.http.post(
            "/sign-in", data={**form.values, "email": email, "password": PASSWORD}
        )
        cookie = answer.headers["set-cookie"].lower()
        assert answer.status_code == 303
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie  # this office's address is http
