"""A program comes to the office as the person who made it, until it is revoked or the person is disabled."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.fakes.office_world import OfficeWorld, good, opened


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def token(world: OfficeWorld, client_id: str, secret: str) -> httpx2.Response:
    login = {"client_id": client_id, "client_secret": secret}
    return await world.http.post("/api/token", json=login)


async def status(world: OfficeWorld, signed: dict[str, str]) -> int:
    return (await world.http.get("/api/companies", headers=signed)).status_code


async def test_a_program_does_what_its_person_may_and_is_out_at_once(world: OfficeWorld) -> None:
    made = await world.post("gaonde", "clients", {"name": "야간 배치"})
    client_id, secret = made["client_id"], made["client_secret"]
    answer = good(await token(world, client_id, secret)).json()
    assert set(answer) == {"token", "expires_at"}
    signed = {"Authorization": f"Bearer {answer['token']}"}
    seen = good(await world.http.get("/api/companies", headers=signed)).json()["data"]
    assert [one["id"] for one in seen] == ["gaonde"]
    assert good(await world.http.get("/api/programmes", headers=signed)).json()["data"] == []
    key = {**signed, "Idempotency-Key": "k"}
    assert (await world.http.post("/api/programmes", json={}, headers=key)).status_code == 403
    # Nobody is shown the secret again, and the books do not have it.
    assert "client_secret" not in await world.get("gaonde", f"clients/{client_id}")
    async with world.pool.connection() as conn:
        rows = await (await conn.execute("select office_client::text from office_client")).fetchall()
    assert secret not in str(rows)
    for disabled, wanted in ((True, 401), (False, 200)):
        good(await world.patch("operator", "users/kim@gaonde.example", {"disabled": disabled}))
        assert await status(world, signed) == wanted
        assert (await token(world, client_id, secret)).status_code == wanted
    assert good(await world.patch("gaonde", f"clients/{client_id}", {"revoked": True})).json()["revoked"]
    assert await status(world, signed) == 401
    assert (await token(world, client_id, secret)).json()["code"] == "wrong_login"
    back = await world.patch("gaonde", f"clients/{client_id}", {"revoked": False})
    assert back.status_code == 422


async def test_a_wrong_secret_is_as_an_unknown_program_and_tries_are_counted(world: OfficeWorld) -> None:
    first = await world.post("gaonde", "clients", {"name": "a"})
    second = await world.post("hanbit", "clients", {"name": "a"})
    answers = [
        (await token(world, client_id, secret)).json()
        for client_id, secret in (
            (first["client_id"], second["client_secret"]),
            (first["client_id"], ""),
            ("cl-999999", first["client_secret"]),
            ("\u0000", "\u0000"),
        )
    ]
    assert [one["code"] for one in answers] == ["wrong_login"] * 3 + ["invalid_request"]
    assert answers[0] == answers[1] == answers[2]
    mixed = {"client_id": first["client_id"], "password": "x"}
    assert (await world.http.post("/api/token", json=mixed)).status_code == 422
    world.attempts.per_minute = 4
    assert (await token(world, first["client_id"], first["client_secret"])).status_code == 429


async def test_a_program_is_its_person_s_alone(world: OfficeWorld) -> None:
    """Not even a colleague's; the agency may revoke it, an auditor may read of it."""
    made = (await world.post("gaonde", "clients", {"name": "a"}))["id"]
    assert (await world.get("hanbit", "clients"))["data"] == []
    assert [one["id"] for one in (await world.get("auditor", "clients"))["data"]] == [made]
    there = await world.call("auditor", "GET", f"clients/{made}")
    seen = {"If-Match": there.headers["etag"]}
    kept = await world.call("auditor", "PATCH", f"clients/{made}", {"revoked": True}, headers=seen)
    assert kept.status_code == 404
    assert good(await world.patch("operator", f"clients/{made}", {"revoked": True})).json()["revoked"]
