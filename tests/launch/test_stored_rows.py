"""The gateway's port on what is stored: PostgreSQL and the fake of the gateway's tests answer alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from billing.database import open_pool
from billing.gateways import register_gateway
from gateway.ports import BooksUnavailable, StoredThing, StoredThings
from launch.gateway_books import StoredRows
from tests.fakes.memory_stored import MemoryStored

THING = StoredThing("response", "resp_1", "gaonde", "x1", "x1/0", "https://vendor.example/v1", "op1")


@pytest.fixture(params=["postgres", "memory"])
async def things(request: pytest.FixtureRequest) -> AsyncIterator[StoredThings]:
    if request.param == "memory":
        yield MemoryStored()
        return
    async with open_pool(request.getfixturevalue("books_url")) as pool:
        async with pool.connection() as conn:
            await register_gateway(conn, "g1")
            await register_gateway(conn, "g2")
        yield StoredRows(pool)


async def test_a_life(things: StoredThings) -> None:
    assert await things.find("gaonde", "response", "resp_1") is None
    assert await things.bind(THING, gateway_id="g1", call=None)
    assert await things.bind(THING, gateway_id="g1", call="{}")
    assert not await things.bind(replace(THING, company_id="other", op="op2"), gateway_id="g1", call=None)
    assert await things.find("gaonde", "response", "resp_1") == (THING, True)
    assert await things.find("other", "response", "resp_1") is None
    assert await things.claim("g2") == []
    await things.hand_on("g1")
    assert await things.claim("g2") == [(THING, "{}")]
    assert await things.claim("g1") == []
    await things.finish("op1")
    assert await things.find("gaonde", "response", "resp_1") == (THING, False)
    await things.delete(THING)
    assert await things.find("gaonde", "response", "resp_1") is None


async def test_what_was_claimed_unheard_is_claimed_again(things: StoredThings) -> None:
    """And of two calls that got one id each is itself."""
    twin = replace(THING, op="op2")
    for thing in (THING, twin):
        await things.bind(thing, gateway_id="g1", call="{}")
    assert await things.claim("g1") == []
    assert list(await things.claim("g1", but=["op1"])) == [(twin, "{}")]
    assert {thing.op for thing, _ in await things.claim("g1", but=[])} == {"op1", "op2"}
    assert await things.claim("g2", but=[]) == []


async def test_what_is_noted_of_what_goes_on(things: StoredThings) -> None:
    """By whichever gateway: for the one that follows it."""
    await things.note_delivered("op1", 3)
    assert await things.delivered("op1") == 0, "nothing goes on"
    for call in ('{"a":1}', '{"a":2}'):
        await things.bind(THING, gateway_id="g1", call=call)
    await things.bind(THING, gateway_id="g2", call='{"a":3}')
    for tokens in (700, 300):
        await things.note_delivered("op1", tokens)
    assert await things.delivered("op1") == 700
    await things.note_end("op1")
    await things.note_end("op9")
    assert await things.take_ends("g2") == []
    assert list(await things.take_ends("g1")) == ["op1"]
    assert await things.take_ends("g1") == [], "told once"
    await things.hand_on("g1")
    [(_, call)] = await things.claim("g2")
    assert orjson.loads(call) == {"a": 2, "delivered": 700}, "the later word of who followed it"


async def test_books_that_are_away() -> None:
    things = StoredRows(open_pool("postgresql://127.0.0.1:1/nothing"))
    for asking in (
        things.bind(THING, gateway_id="g1", call=None),
        things.find("gaonde", "response", "resp_1"),
        things.delete(THING),
        things.finish("op1"),
        things.hand_on("g1"),
        things.claim("g1"),
        things.note_delivered("op1", 1),
        things.delivered("op1"),
        things.note_end("op1"),
        things.take_ends("g1"),
    ):
        with pytest.raises(BooksUnavailable):
            await asking
