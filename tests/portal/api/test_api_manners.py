"""The manners of the office API: one answer per key, versions, pages, two languages, hostile requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from billing.casework.rows import lock_budget
from billing.database import Connection
from billing.directory_store import load_directory
from portal.api.route import BODY_BYTES_MAX
from tests.fakes.office_world import OfficeWorld, good, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_one_answer_per_key(world: OfficeWorld) -> None:
    body = {"name": "backend"}
    first = good(await world.call("gaonde", "POST", "api_keys", body, key="one"))
    again = good(await world.call("gaonde", "POST", "api_keys", body, key="one"))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"] == "/api/api_keys/gaonde/backend"
    other = await world.call("gaonde", "POST", "api_keys", {"name": "other"}, key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    # Somebody else's key of the same name is another key, and so is the same key on another path.
    await world.opened_round(PROGRAMME, ROUND)
    theirs = good(await world.call("hanbit", "POST", "api_keys", body, key="one"))
    assert theirs.json()["company"] == "hanbit"
    assert (await world.call("gaonde", "POST", "applications", APPLICATION, key="one")).status_code == 201
    # The key's text is in no table: neither in its own nor with the kept answer.
    text = first.json()["key"]
    async with world.pool.connection() as conn:
        rows = await (await conn.execute("select * from office_answer")).fetchall()
        keys = (await load_directory(conn, secrets=world.secrets)).api_keys
    assert text.encode() not in b"".join(value for row in rows for value in row if isinstance(value, bytes))
    assert world.secrets.key_hash(text) in {key.key_hash for key in keys}


async def test_a_name_may_be_korean(world: OfficeWorld) -> None:
    made = good(await world.call("gaonde", "POST", "api_keys", {"name": "상담 서버"}))
    place = made.headers["location"]
    assert place == "/api/api_keys/gaonde/%EC%83%81%EB%8B%B4%20%EC%84%9C%EB%B2%84"
    assert (await world.get("gaonde", place.removeprefix("/api/")))["name"] == "상담 서버"
    person = {"email": "김@가온데.example", "role": "company", "company": "gaonde"}
    assert (await world.post("operator", "users", person))["email"] == person["email"]


async def test_a_post_needs_a_key(world: OfficeWorld) -> None:
    for key in ("", "x" * 256):
        sent = {"Idempotency-Key": key}
        answer = await world.call("gaonde", "POST", "api_keys", {"name": "a"}, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


async def test_what_was_refused_is_not_remembered(world: OfficeWorld) -> None:
    await world.post("operator", "programmes", PROGRAMME)
    early = await world.call("operator", "POST", "rounds/ai-2026-1/announce", {}, key="k")
    assert early.status_code == 404
    await world.post("operator", "rounds", ROUND)
    refused = await world.call("operator", "POST", "rounds/ai-2026-1/announce", {}, key="k")
    assert refused.json()["code"] == "programme_not_open"
    await world.post("operator", "programmes/ai-2026/open")
    assert (await world.call("operator", "POST", "rounds/ai-2026-1/announce", {}, key="k")).status_code == 200


async def test_the_same_key_at_once_does_one_thing(world: OfficeWorld) -> None:
    calls = [world.call("gaonde", "POST", "api_keys", {"name": "backend"}, key="k") for _ in range(3)]
    answers = await asyncio.gather(*calls)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}


async def test_two_who_make_one_id_at_once(world: OfficeWorld) -> None:
    calls = [
        world.call("operator", "POST", "companies", {"id": "n", "name": f"n{i}", "class": "sme"})
        for i in range(3)
    ]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_two_do_not_overwrite_each_other(world: OfficeWorld) -> None:
    there = good(await world.call("operator", "GET", "companies/gaonde"))
    for anyhow in ({}, {"If-Match": "*"}):
        blind = await world.call("operator", "PATCH", "companies/gaonde", {"name": "가온"}, headers=anyhow)
        assert blind.status_code == 200, "who does not say what they saw means whatever is there"
    there = good(await world.call("operator", "GET", "companies/gaonde"))
    seen = {"If-Match": there.headers["etag"]}
    assert (
        await world.call("operator", "PATCH", "companies/gaonde", {"name": "새 이름"}, headers=seen)
    ).status_code == 200
    late = await world.call("gaonde", "PATCH", "companies/gaonde", {"data_locations": ["KR"]}, headers=seen)
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert (await world.get("operator", "companies/gaonde")) == there.json() | {"name": "새 이름"}


async def test_two_who_saw_the_same_do_not_overwrite_each_other_at_once(world: OfficeWorld) -> None:
    there = good(await world.call("operator", "GET", "companies/gaonde"))
    seen = {"If-Match": there.headers["etag"]}
    async with asyncio.TaskGroup() as group, world.pool.connection() as conn, conn.transaction():
        await lock_budget(conn)
        calls = [
            group.create_task(
                world.call("operator", "PATCH", "companies/gaonde", {"name": name}, headers=seen)
            )
            for name in ("하나", "둘")
        ]
        while await waiting(conn) < len(calls):  # noqa: ASYNC110 - PostgreSQL tells in no other way
            await asyncio.sleep(0.01)
    assert sorted(call.result().status_code for call in calls) == [200, 412]


async def waiting(conn: Connection) -> int:
    """How many of these books wait for a lock, now."""
    await conn.execute("select pg_stat_clear_snapshot()")
    cursor = await conn.execute(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_pages_go_through_all_of_it_once(world: OfficeWorld) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = await world.get("operator", f"companies?limit=2{cursor}")
        seen += [one["id"] for one in page["data"]]
        assert len(page["data"]) <= 2
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(["gaonde", "hanbit", "saessak", "dasom"])
    names = [one["id"] for one in (await world.get("operator", "users?role=provider&provider=nuri"))["data"]]
    assert names == ["bae@nuri.example"]
    assert (await world.get("gaonde", "users?company=hanbit"))["data"] == []
    for bad in (
        "rol=provider",
        "company=" + "x" * 201,
        "limit=0",
        "limit=101",
        "cursor=%ff",
        "cursor=a",
        "cursor=___",
    ):
        assert (await world.call("operator", "GET", f"companies?{bad}")).status_code in (400, 422), bad


async def test_refusals_are_problems_in_the_caller_s_language(world: OfficeWorld) -> None:
    english, korean = "There is nothing of this id.", "해당 항목이 없습니다."
    for language, detail in (("ko-KR,ko;q=0.9", korean), ("en", english), ("", english), ("fr", english)):
        sent = {"Accept-Language": language}
        answer = await world.call("gaonde", "GET", "companies/none", headers=sent)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "code": "not_found",
            "detail": detail,
        }


HOSTILE: list[tuple[str, bytes, int]] = [
    ("no JSON", b"{", 422),
    ("not UTF-8", b'{"name": "\xff"}', 400),
    ("a list", b"[]", 422),
    ("null", b"null", 422),
    ("nothing", b"", 422),
    ("unknown field", b'{"name": "a", "admin": true}', 422),
    ("a number for text", b'{"name": 1}', 422),
    ("NUL", b'{"name": "a\\u0000"}', 422),
    ("a lone surrogate", b'{"name": "\\ud800"}', 422),
    ("deep", b"[" * 20_000, 400),
    ("a float amount", b'{"name": "a", "limits": {"krw_per_day": 1.5}}', 422),
    ("a large integer", b'{"name": "a", "limits": {"concurrent": ' + b"9" * 4_000 + b"}}", 422),
    ("NaN", b'{"name": "a", "limits": {"concurrent": NaN}}', 422),
    ("too large", b'{"name": "' + b"a" * BODY_BYTES_MAX + b'"}', 413),
    ("a key of its own", b'{"name": "a", "key": "vg_0000000000000000"}', 403),
    ("another company", b'{"name": "a", "company": "hanbit"}', 404),
]


async def test_hostile_requests_are_refused(world: OfficeWorld) -> None:
    found = {}
    for what, body, _ in HOSTILE:
        headers = world.signed("gaonde") | {"Idempotency-Key": what, "Content-Type": "application/json"}
        answer = await world.http.post("/api/api_keys", content=body, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json", what
        found[what] = answer.status_code
    assert found == {what: status for what, _, status in HOSTILE}
    assert (await world.get("gaonde", "api_keys"))["data"] == []
    for path in ("companies/%00", "companies/%ED%A0%80", "api_keys/a%00/b", "users/" + "x" * 300):
        assert (await world.call("operator", "GET", path)).status_code in (404, 422), path
    for token in ("", "Basic eA==", "Bearer", "Bearer x", "Bearer a.b.c"):
        answer = await world.http.get("/api/companies", headers={"Authorization": token})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), token


async def test_the_agency_brings_keys_and_passwords_as_its_declarations_do(world: OfficeWorld) -> None:
    text = "vg_brought_by_the_agency_0"
    body = {"company": "gaonde", "name": "backend", "key": text}
    made = await world.call("operator", "POST", "api_keys", body)
    assert (made.status_code, made.json()["key"]) == (201, text)
    assert "key" not in await world.get("operator", "api_keys/gaonde/backend")

    person = {"email": "lee@example.org", "role": "auditor"}
    weak = await world.call("operator", "POST", "users", person | {"password": "short"})
    assert (weak.status_code, weak.json()["code"]) == (422, "invalid")
    made = await world.call("operator", "POST", "users", person | {"password": "long enough to be one"})
    assert (made.status_code, made.json()["link"]) == (201, None)
    login = {"email": "lee@example.org", "password": "long enough to be one"}
    assert (await world.http.post("/api/token", json=login)).status_code == 200


async def test_who_is_disabled_is_out_at_once(world: OfficeWorld) -> None:
    assert (await world.call("gaonde", "GET", "companies")).status_code == 200
    good(await world.patch("operator", "users/kim@gaonde.example", {"disabled": True}))
    assert (await world.call("gaonde", "GET", "companies")).status_code == 401
    good(await world.patch("operator", "users/kim@gaonde.example", {"disabled": False}))
    assert (await world.call("gaonde", "GET", "companies")).status_code == 200
    oneself = await world.patch("operator", "users/operator@example.org", {"disabled": True})
    assert oneself.json()["code"] == "own_account"


async def test_a_person_is_invited_by_a_link(world: OfficeWorld) -> None:
    body: dict[str, Any] = {"email": "New@gaonde.example", "role": "company", "company": "gaonde"}
    made = await world.post("operator", "users", body)
    assert (made["email"], made["has_password"]) == ("new@gaonde.example", False)
    path = made["link"].removeprefix("http://o")
    assert "new@gaonde.example" in (await world.http.get(path)).text
    for wrong in (
        body,
        {"email": "a@b.c", "role": "company"},
        {"email": "a@b.c", "role": "auditor", "company": "gaonde"},
    ):
        assert (await world.call("operator", "POST", "users", wrong)).status_code in (409, 422)
