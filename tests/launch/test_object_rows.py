"""The gateway's port on files and batches: PostgreSQL and the fake of the gateway's tests answer alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from billing.database import open_pool
from billing.gateways import register_gateway
from gateway.ports import (
    BooksUnavailable,
    PageAsked,
    StoredObject,
    StoredObjects,
    StoredThing,
    StoredThings,
    Totals,
)
from launch.gateway_books import StoredRows
from launch.gateway_objects import ObjectRows
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_stored import MemoryStored

URL = "https://vendor.example/v1"
FILE = StoredObject(
    StoredThing("file", "file-1", "gaonde", "x1", "x1/0", URL, "op1"),
    b'{"id":"file-1","filename":"\\u0000 \xed\x95\x9c"}',
    purpose="batch",
    size_bytes=7,
    expires_s=4_000_000_000,
    bounds='{"lines":1}',
)
BATCH = StoredObject(
    StoredThing("batch", "batch_1", "gaonde", "x1", "x1/0", URL, "op2"),
    b'{"id":"batch_1"}',
    input_file="file-1",
)
OUTPUT = StoredObject(
    StoredThing("file", "file-2", "gaonde", "x1", "x1/0", URL, "op2"),
    b'{"id":"file-2"}',
    "batch_output",
    1000,
)

Both = tuple[StoredObjects, StoredThings]


@pytest.fixture(params=["postgres", "memory"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    if request.param == "memory":
        things = MemoryStored()
        yield MemoryObjects(things), things
        return
    async with open_pool(request.getfixturevalue("books_url")) as pool:
        async with pool.connection() as conn:
            await register_gateway(conn, "g1")
        yield ObjectRows(pool), StoredRows(pool)


def of(one: StoredObject, **changes: Any) -> StoredObject:
    return replace(one, thing=replace(one.thing, **changes))


async def test_a_life(both: Both) -> None:
    objects, things = both
    assert await objects.totals("gaonde") == Totals(0, 0, 0)
    assert await objects.add(FILE, gateway_id="g1")
    assert await objects.add(FILE, gateway_id="g1"), "again is no harm"
    assert not await objects.add(of(FILE, company_id="other", op="op3"), gateway_id="g1", call="{}")
    assert await objects.find("gaonde", "file", "file-1") == FILE
    for asked in (("other", "file", "file-1"), ("gaonde", "batch", "file-1"), ("gaonde", "file", "file-%")):
        assert await objects.find(*asked) is None
    assert not await objects.is_in_use(FILE.thing)
    assert await objects.add(BATCH, gateway_id="g1", call="{}")
    assert await objects.add(OUTPUT, gateway_id="g1")
    assert await objects.totals("gaonde") == Totals(1, 7, 1)
    assert await objects.totals("other") == Totals(0, 0, 0)
    assert [await objects.is_in_use(one.thing) for one in (FILE, BATCH, OUTPUT)] == [True] * 3
    elsewhere = replace(FILE.thing, base_url="https://other.example/v1", op="op9")
    assert not await objects.is_in_use(elsewhere), "ids are a vendor's own"
    await objects.show(BATCH.thing, b'{"id":"batch_1","status":"completed"}')
    await objects.show(replace(FILE.thing, company_id="other"), b"{}")
    await objects.show(BATCH.thing, b"late", instead_of=BATCH.shown)
    found = await objects.find("gaonde", "batch", "batch_1")
    assert found == replace(BATCH, shown=b'{"id":"batch_1","status":"completed"}')
    await objects.show(BATCH.thing, BATCH.shown, instead_of=found.shown)
    assert await objects.find("gaonde", "batch", "batch_1") == BATCH
    await things.finish("op2")
    assert [await objects.is_in_use(one.thing) for one in (FILE, BATCH, OUTPUT)] == [False] * 3
    assert await objects.totals("gaonde") == Totals(1, 7, 0)
    await objects.delete(FILE.thing)
    assert await objects.find("gaonde", "file", "file-1") is None
    assert await objects.totals("gaonde") == Totals(0, 0, 0)


async def test_what_is_sought_until_its_id_is_known(both: Both) -> None:
    objects, things = both
    assert await objects.made_by("gaonde", "batch", "op2") == (None, False)
    await objects.seek(replace(BATCH.thing, vendor_id=":op2"), gateway_id="g1", call='{"a":1}')
    assert await objects.made_by("gaonde", "batch", "op2") == (None, True)
    page = await objects.page("gaonde", PageAsked("batch", 9))
    assert page is not None
    assert list(page[0]) == []
    assert await objects.add(BATCH, gateway_id="g1", call='{"a":2}')
    assert await objects.made_by("gaonde", "batch", "op2") == (BATCH, True)
    assert await objects.made_by("other", "batch", "op2") == (None, True)
    assert await objects.made_by("gaonde", "file", "op2") == (None, True)
    await things.hand_on("g1")
    assert list(await things.claim("g2")) == [(BATCH.thing, '{"a":2}')]
    await things.finish("op2")
    assert await objects.made_by("gaonde", "batch", "op2") == (BATCH, False)


async def test_what_is_another_companys_leaves_nothing(both: Both) -> None:
    objects, things = both
    assert await objects.add(BATCH, gateway_id="g1", call="{}")
    assert not await objects.add(of(BATCH, company_id="other", op="op3"), gateway_id="g1", call="{}")
    await things.hand_on("g1")
    assert [thing.op for thing, _ in await things.claim("g1")] == ["op2"]


async def test_pages(both: Both) -> None:
    objects, _ = both
    for number in range(5):
        one = of(FILE, vendor_id=f"f{number}", op=f"op{number}", product_id=f"x{number % 2}")
        purpose = "batch" if number else "vision"
        await objects.add(replace(one, shown=b"%d" % number, purpose=purpose), gateway_id="g1")
    await objects.add(of(FILE, vendor_id="theirs", company_id="other", op="op9"), gateway_id="g1")
    await objects.delete(of(FILE, vendor_id="f3").thing)
    past = replace(of(FILE, vendor_id="old", op="op8"), expires_s=-1)
    await objects.add(past, gateway_id="g1")
    for asked, shown, has_more in (
        (PageAsked("file", 9), [b"4", b"2", b"1", b"0"], False),
        (PageAsked("file", 2), [b"4", b"2"], True),
        (PageAsked("file", 2, after="f2"), [b"1", b"0"], False),
        (PageAsked("file", 2, after="f3"), [b"2", b"1"], True),
        (PageAsked("file", 2, oldest_first=True), [b"0", b"1"], True),
        (PageAsked("file", 9, after="f1", oldest_first=True), [b"2", b"4"], False),
        (PageAsked("file", 9, purpose="vision"), [b"0"], False),
        (PageAsked("file", 9, products=frozenset({"x1"})), [b"1"], False),
        (PageAsked("file", 9, products=frozenset()), [], False),
        (PageAsked("batch", 9), [], False),
    ):
        page = await objects.page("gaonde", asked)
        assert page is not None
        assert (list(page[0]), page[1]) == (shown, has_more), asked
    for after in ("theirs", "never"):
        assert await objects.page("gaonde", PageAsked("file", 9, after=after)) is None


async def test_books_that_are_away() -> None:
    objects = ObjectRows(open_pool("postgresql://127.0.0.1:1/nothing"))
    for asking in (
        objects.add(FILE, gateway_id="g1"),
        objects.seek(BATCH.thing, gateway_id="g1", call="{}"),
        objects.made_by("gaonde", "batch", "op2"),
        objects.find("gaonde", "file", "file-1"),
        objects.show(FILE.thing, b"{}"),
        objects.page("gaonde", PageAsked("file", 1)),
        objects.totals("gaonde"),
        objects.is_in_use(FILE.thing),
        objects.delete(FILE.thing),
    ):
        with pytest.raises(BooksUnavailable):
            await asking
