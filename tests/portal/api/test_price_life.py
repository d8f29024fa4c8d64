"""Price lists in the office: added for later, superseded by the clock, taken back before they begin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from billing.directory_store import load_directory
from metering.prices import entry_at
from tests.fakes.declared_world import PRODUCT as DECLARED
from tests.fakes.declared_world import World, edited
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

PATH = "products/nuri-x1/prices"
LATER = datetime(2099, 1, 1, tzinfo=UTC)  # the database has a clock of its own
WHY = {"reason": "입력 착오"}


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def input_price(world: OfficeWorld, at: datetime) -> int:
    """What gateways would freeze into a hold at this instant."""
    async with world.pool.connection() as conn:
        [product] = (await load_directory(conn, secrets=world.secrets)).products
    entry = entry_at(product.prices, int(at.timestamp() * 1000))
    assert entry is not None
    return entry.input // 1_000_000


async def states(world: OfficeWorld) -> dict[str, str]:
    rows = (await world.get("gaonde", "prices?product=nuri-x1"))["data"]
    return {row["input"]: row["state"] for row in rows}


async def test_a_price_is_added_for_later_and_holds_from_its_instant(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    made = await world.post("nuri", PATH, {"from": "2099-01-01T00:00:00Z", "input": "1500", "output": 6000})
    assert (made["id"], made["state"]) == ("nuri-x1@2099-01-01T00:00:00Z", "planned")
    assert await states(world) == {"1250": "in_force", "1500": "planned"}
    just_before = LATER - timedelta(milliseconds=1)
    assert [await input_price(world, at) for at in (just_before, LATER)] == [1250, 1500]
    [notice] = (await world.get("gaonde", "notices"))["data"]
    assert (notice["kind"], notice["detail"]) == ("price_added", {"from": "2099-01-01T00:00:00Z"})
    world.now = LATER
    assert await states(world) == {"1250": "superseded", "1500": "in_force"}
    for wrong, code in (
        ({"from": "2099-01-01T00:00:00Z", "input": 1}, "price_backdated"),
        ({"from": "2098-01-01T00:00:00Z", "input": 1}, "price_backdated"),
    ):
        assert await world.refused("nuri", PATH, wrong) == (409, code)
    begun = await world.refused("nuri", f"prices/{made['id']}/withdraw", WHY)
    assert begun == (409, "wrong_state")


async def test_a_price_is_taken_back_before_it_begins(world: OfficeWorld) -> None:
    made = await world.post("nuri", PATH, {"from": "2099-01-01T00:00:00Z", "input": 1})
    path = f"prices/{made['id']}"
    taken = await world.refused("nuri", PATH, {"from": "2099-01-01T09:00:00+09:00", "input": 1})
    assert taken == (409, "price_exists")
    world.now = LATER - timedelta(seconds=59)
    assert await world.refused("nuri", f"{path}/withdraw", WHY) == (409, "price_begins")
    world.now = LATER - timedelta(seconds=60)
    assert (await world.post("nuri", f"{path}/withdraw", WHY))["state"] == "withdrawn"
    assert await input_price(world, LATER) == 1250
    assert [one["input"] for one in (await world.get("gaonde", "products/nuri-x1"))["prices"]] == ["1250"]
    # It is still on record: nobody writes another from that time, and declaring it again revives nothing.
    world.now = LATER - timedelta(days=1)
    again = await world.refused("nuri", PATH, {"from": "2099-01-01T00:00:00Z", "input": 2})
    assert again == (409, "price_exists")
    file = edited(
        DECLARED, "prices:\n", 'prices:\n      - {from: "2099-01-01T00:00:00Z", input: 1, output: 0}\n'
    )
    async with world.pool.connection() as conn:
        report = await World(conn, world.secrets).apply(file)
    assert report.changed == ()
    assert await input_price(world, LATER) == 1250
    log = (await world.get("nuri", f"{path}/log"))["data"]
    assert [(row["action"], row["reason"]) for row in log] == [("add", None), ("withdraw", WHY["reason"])]


async def test_the_price_of_what_is_not_sold_is_its_draft_s(world: OfficeWorld) -> None:
    await world.post("nuri", "products/nuri-x1/withdraw", WHY)
    price = {"from": "2099-01-01T00:00:00Z", "input": 1}
    assert await world.refused("nuri", PATH, price) == (409, "product_not_sold")
    assert await world.refused("other", PATH, price) == (404, "not_found")
    for bad in ({"input": 1}, {"from": "2099-01-01T00:00:00Z"}, price | {"input": 1.5}, price | {"x": 1}):
        assert (await world.refused("nuri", PATH, bad))[0] == 422
