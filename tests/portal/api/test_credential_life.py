"""Vendors' API keys: rotated without a gap, put back, retired, and nowhere to be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from billing.directory_store import load_directory
from tests.fakes import gateway_world
from tests.fakes.declared_world import ENVIRONMENT, World
from tests.fakes.declared_world import PRODUCT as DECLARED
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import OfficeWorld, good, opened
from tests.portal.api.a_product import PRODUCT, SECRET
from tests.portal.api.a_seller import drafted

PATH = "products/nuri-x1/credentials"
SLIP = "vendor-secret of a slip"
FIRST, SECOND, THIRD = ENVIRONMENT["VENDOR_KEY"], "vendor-secret-second-1", "vendor-secret-third-2"


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def used(world: OfficeWorld, product_id: str = "nuri-x1") -> str | None:
    """The key that gateways use from their next reading of the directory on."""
    async with world.pool.connection() as conn:
        products = (await load_directory(conn, secrets=world.secrets)).products
    return {product.product_id: product.upstreams[0].api_key for product in products}[product_id]


async def states(world: OfficeWorld) -> dict[str, str]:
    return {row["id"]: row["state"] for row in (await world.get("nuri", "credentials"))["data"]}


async def test_a_new_key_is_used_and_the_one_before_kept_until_it_is_retired(world: OfficeWorld) -> None:
    assert await used(world) == FIRST
    made = await world.post("nuri", PATH, {"api_key": SECOND})
    assert (made["id"], made["state"], await used(world)) == ("cr-000001", "current", SECOND)
    assert await states(world) == {"cr-000001": "current", "cr-000002": "retiring"}
    assert await world.refused("nuri", PATH, {"api_key": SECOND}) == (409, "credential_known")
    assert await world.refused("nuri", PATH, {"api_key": THIRD, "position": 1}) == (
        409,
        "upstream_missing",
    )
    # The vendor does not take it: the declared one is put back without anybody knowing its text.
    assert await world.refused("nuri", "credentials/cr-000002/retire") == (409, "credential_in_use")
    await world.post("nuri", "credentials/cr-000002/restore")
    assert await used(world) == FIRST
    assert await states(world) == {"cr-000001": "retiring", "cr-000002": "current"}
    third = (await world.post("nuri", PATH, {"api_key": THIRD}))["id"]
    assert await states(world) == {"cr-000001": "retired", "cr-000002": "retiring", third: "current"}
    world.now += timedelta(seconds=59)
    assert await world.refused("nuri", "credentials/cr-000002/retire") == (409, "credential_in_use")
    world.now += timedelta(seconds=1)
    assert (await world.post("nuri", "credentials/cr-000002/retire"))["state"] == "retired"
    assert await world.refused("nuri", "credentials/cr-000002/restore") == (409, "wrong_state")
    assert await used(world) == THIRD
    async with world.pool.connection() as conn:
        kept = await (await conn.execute("select id from credential where sealed is not null")).fetchall()
    assert kept == [(third,)]
    log = (await world.get("auditor", "credentials/cr-000002/log"))["data"]
    assert [row["action"] for row in log] == ["replace", "restore", "replace", "retire"]


async def test_a_declaration_has_its_own_word(world: OfficeWorld) -> None:
    """What the file says holds, as ever; a key that it replaced is none that calls use."""
    await world.post("nuri", PATH, {"api_key": SECOND})
    async with world.pool.connection() as conn:
        file = World(conn, world.secrets)
        assert (await file.apply(DECLARED)).changed == ("product/nuri-x1",)
        assert (await file.apply(DECLARED)).changed == ()
    assert await used(world) == FIRST
    assert await states(world) == {"cr-000001": "retired", "cr-000002": "retiring"}
    # Written anew with the same key, the key that came by the office is still the one that calls use.
    third = (await world.post("nuri", PATH, {"api_key": THIRD}))["id"]
    async with world.pool.connection() as conn:
        slower = DECLARED.replace("api_key:", "idle_timeout_s: 90, api_key:")
        await World(conn, world.secrets).apply(slower, environment={**ENVIRONMENT, "VENDOR_KEY": THIRD})
    assert (await states(world))[third] == "current"
    # A key is never sent to another address than it was given for.
    elsewhere = [{"dialect": "openai", "base_url": "https://b.example", "model": "m", "api_key": SECOND}]
    good(await world.patch("operator", "products/nuri-x1", {"upstream": elsewhere}))
    retiring = [one for one, state in (await states(world)).items() if state == "retiring"]
    assert await world.refused("nuri", f"credentials/{retiring[0]}/restore") == (409, "upstream_changed")


async def test_no_call_finds_a_closed_door(books_url: str, tmp_path: Path) -> None:
    """The vendor takes the old key until it is retired here; calls go on, one of them across the change."""
    valid = {SECRET, SECOND}
    asked: list[str] = []
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def vendor(request: web.Request) -> web.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        asked.append(key)
        if len(asked) == 1:
            entered.set()
            await go_on.wait()
        return web.json_response(gateway_world.answer(), status=200 if key in valid else 401)

    async with drafted(books_url, tmp_path, vendor) as seller:
        await seller.office.post("nuri", "products/nuri-draft/submit")
        await seller.office.post("operator", "products/nuri-draft/approve")
        await seller.told()
        across = asyncio.create_task(seller.call())
        await entered.wait()
        made = await seller.office.post("nuri", "products/nuri-draft/credentials", {"api_key": SECOND})
        assert (await seller.call()).status == 200  # before this gateway has read of it
        await seller.told()
        assert (await seller.call()).status == 200
        go_on.set()
        assert (await across).status == 200
        seller.office.now += timedelta(minutes=1)
        rows = (await seller.office.get("nuri", "credentials"))["data"]
        [before] = [row["id"] for row in rows if row["id"] != made["id"]]
        await seller.office.post("nuri", f"credentials/{before}/retire")
        valid.remove(SECRET)
        assert (await seller.call()).status == 200
        assert asked == [SECRET, SECRET, SECOND, SECOND]
        assert len(seller.gateway.events) == 4


# Requests of a provider that hold a key, or move one; some are refused.
HOLDING: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "products", PRODUCT),
    ("PATCH", "products/nuri-draft", {"upstream": [{**PRODUCT["upstream"][0], "api_key": SECOND}]}),
    ("PATCH", "products/nuri-draft", {"upstream": [{"api_key": SECRET}]}),
    ("POST", "products/nuri-draft/credentials", {"api_key": THIRD}),
    ("POST", "products/nuri-draft/credentials", {"api_key": THIRD, "position": THIRD}),
    ("POST", "products/nuri-draft/credentials", {"api_key": SLIP}),
    ("POST", "products/nuri-draft/credentials", {"api_key": [SECRET]}),
    ("POST", "products/nuri-draft/submit", {}),
    ("POST", PATH, {"api_key": SECOND}),
    ("POST", "credentials/cr-000001/restore", {}),
]


async def test_no_key_is_in_any_table_or_answer(world: OfficeWorld) -> None:
    heard: list[tuple[str, bytes]] = []

    async def call(who: str, method: str, path: str, body: object = None) -> None:
        headers = {}
        if method == "PATCH":
            headers = {"If-Match": (await world.call(who, "GET", path)).headers["etag"]}
        answer = await world.call(who, method, path, body, headers=headers)
        heard.append((f"{who} {method} {path}", answer.content + repr(answer.headers).encode()))

    for one in [*HOLDING, *HOLDING]:
        await call("nuri", *one)
    await call("operator", "POST", "products/nuri-draft/approve", {})
    schema = (await world.http.get("/api/openapi.json")).json()
    ids = {"products": "nuri-draft", "credentials": "cr-000001", "providers": "nuri"}
    for path, operations in schema["paths"].items():
        kind = path.split("/")[2]
        if "get" in operations and ("{id}" not in path or kind in ids):
            for who in PEOPLE:
                await call(who, "GET", path.removeprefix("/api/").replace("{id}", ids.get(kind, "")))
    dump = await whole_database(world)
    assert b"nuri-draft" in dump
    assert any(b"nuri-draft" in answer for _, answer in heard)
    for secret in (FIRST, SECRET, SECOND, THIRD, SLIP):
        for text in (secret.encode(), secret.encode().hex().encode()):
            assert [asked for asked, answer in heard if text in answer] == [], secret
            assert text not in dump, secret


async def whole_database(world: OfficeWorld) -> bytes:
    dump = b""
    async with world.pool.connection() as conn:
        cursor = await conn.execute("select tablename from pg_tables where schemaname = 'public'")
        for (table,) in await cursor.fetchall():
            async with conn.cursor().copy(f"copy {table} to stdout".encode()) as copy:
                async for block in copy:
                    dump += bytes(block)
    return dump
