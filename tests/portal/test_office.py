"""The office over its ASGI door: who gets a token, who may read the metrics, what a one-time link does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlencode

import pytest

from billing.database import connect, open_pool
from billing.secrets import Secrets
from launch.redis_door import RedisDoor
from portal import app, pages, passwords, people, tokens
from portal.attempts import Attempts
from portal.readiness import Readiness
from tests.portal.asgi_door import Door

KEY = b"k" * 32
PASSWORD = "correct horse battery"


@pytest.fixture
async def door(books_url: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    pool = open_pool(books_url)
    async with pool, aclosing(RedisDoor(valkey_url)) as client:
        office = app.Office(
            pool=pool,
            readiness=Readiness(pool, client),
            attempts=Attempts(5),
            token_key=KEY,
            token_life_s=900,
            addresses=pages.Addresses(data_plane="http://d", office="http://o"),
            metrics_dir=str(tmp_path),
            metrics_token="metrics-token",
            secrets=Secrets(b"a master secret of the tests"),
            invitation_life_s=60,
        )
        yield Door(app.build(office))


@pytest.fixture
async def operator(books_url: str) -> str:
    async with await connect(books_url) as connection:
        person = people.Person(email="kim@example.org", role="operator")
        await people.put(connection, person, password_hash=passwords.hash_password(PASSWORD))
    return "kim@example.org"


async def test_right_password_gives_a_short_lived_token(door: Door, operator: str) -> None:
    answer = await door.post_json("/api/token", {"email": operator.upper(), "password": PASSWORD})
    assert answer.status == 200
    caller = tokens.read(answer.json()["token"], key=KEY)
    assert (caller.email, caller.role) == (operator, "operator")
    with pytest.raises(tokens.TokenRefused):
        tokens.read(answer.json()["token"], key=b"another key, which is not this one")


@pytest.mark.parametrize("email", ["kim@example.org", "nobody@example.org"])
async def test_wrong_logins_look_alike(door: Door, operator: str, email: str) -> None:
    del operator
    answer = await door.post_json("/api/token", {"email": email, "password": "wrong password"})
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "wrong_login"


async def test_guessing_is_slowed_down(door: Door, operator: str) -> None:
    statuses = [
        (await door.post_json("/api/token", {"email": operator, "password": "guess"})).status
        for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"email": "a\\u0000@example.org", "password": "guess"}', 422),
        (b'{"email": "a@example.org", "password": "' + b"x" * 100_000 + b'"}', 413),
        (b"[" * 10_000, 400),
        (b"{", 422),
    ],
)
async def test_a_login_is_small_text(door: Door, body: bytes, status: int) -> None:
    answer = await door.post("/api/token", body, {"content-type": "application/json"})
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_one_time_link_sets_a_password_once(door: Door, books_url: str) -> None:
    async with await connect(books_url) as connection:
        await people.put(
            connection, people.Person(email="lee@example.org", role="auditor"), password_hash=None
        )
        token = await people.invite(connection, "lee@example.org", life_s=60)
    path = f"/welcome/{token}"
    assert "lee@example.org" in (await door.get(path)).text
    weak = await door.post(path, urlencode({"password": "short"}).encode())
    assert weak.status == 422
    assert (await door.post(path, urlencode({"password": PASSWORD}).encode())).status == 200
    assert (await door.post(path, urlencode({"password": PASSWORD}).encode())).status == 404
    assert (await door.get(path)).status == 404
    login = await door.post_json("/api/token", {"email": "lee@example.org", "password": PASSWORD})
    assert login.status == 200


@pytest.mark.parametrize("other", [("operator", None), ("company", "daon"), ("company", "gaonde")])
async def test_nobody_gets_another_role_by_an_address(books_url: str, other: tuple[people.Role, str]) -> None:
    async with await connect(books_url) as connection:
        for company in ("gaonde", "daon"):
            await connection.execute(
                "insert into company (id, name, class_name, active) values (%s, '회사', 'sme', true)"
                " on conflict do nothing",
                [company],
            )
        lee = people.Person(email="lee@example.org", role="company", company="gaonde")
        assert await people.put(connection, lee, password_hash="kept") is True
        again = people.Person("Lee@Example.org", *other)
        if again.company == lee.company:
            assert await people.put(connection, again, password_hash=None) is False
        else:
            with pytest.raises(people.PersonRefused, match="is there already, as company of gaonde"):
                await people.put(connection, again, password_hash=None)
        assert await people.find(connection, lee.email) == (lee, "kept")
        await connection.execute("update person set disabled_at = now()")
        with pytest.raises(people.PersonRefused):
            await people.put(connection, again, password_hash=None)


async def test_a_newer_link_ends_the_older(books_url: str) -> None:
    async with await connect(books_url) as connection:
        await people.put(
            connection, people.Person(email="lee@example.org", role="auditor"), password_hash=None
        )
        first = await people.invite(connection, "lee@example.org", life_s=60)
        second = await people.invite(connection, "lee@example.org", life_s=60)
        assert await people.invited(connection, first) is None
        assert await people.invited(connection, second) == "lee@example.org"
        expired = await people.invite(connection, "lee@example.org", life_s=0)
        assert await people.invited(connection, expired) is None


async def test_pages_and_schema_answer(door: Door) -> None:
    assert "바우처" in (await door.get("/")).text
    assert "voucher" in (await door.get("/?lang=en")).text
    assert (await door.get("/api/openapi.json")).json()["openapi"].startswith("3.1")
    assert "/api/token" in (await door.get("/api/docs")).text
    assert (await door.get("/")).headers["content-security-policy"].startswith("default-src 'none'")
    assert (await door.get("/absent")).json()["code"] == "not_found"


async def test_readiness_asks_both_servers(door: Door) -> None:
    answer = await door.get("/readyz")
    assert (answer.status, answer.json()) == (200, {"ready": True, "missing": []})


@pytest.mark.parametrize(
    ("client_host", "authorization", "status"),
    [
        ("127.0.0.1", None, 200),
        ("::1", None, 200),
        ("10.0.0.9", None, 403),
        ("10.0.0.9", "Bearer metrics-token", 200),
        ("10.0.0.9", "Bearer other", 403),
        (None, None, 403),
    ],
)
async def test_metrics_are_for_this_machine_or_the_token(
    door: Door, client_host: str | None, authorization: str | None, status: int
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    assert (await door.get("/metrics", client_host=client_host, headers=headers)).status == status


@pytest.mark.parametrize(
    ("role", "company", "provider"),
    [
        ("operator", "gaonde", None),
        ("company", None, None),
        ("provider", None, None),
        ("auditor", None, "nuri"),
    ],
)
def test_a_person_belongs_where_the_role_says(
    role: people.Role, company: str | None, provider: str | None
) -> None:
    with pytest.raises(people.PersonRefused):
        people.Person(email="kim@example.org", role=role, company=company, provider=provider)
