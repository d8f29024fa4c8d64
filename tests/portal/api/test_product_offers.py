"""What companies hear of products: those they look for, and what changes of those they may use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fakes.office_world import OfficeWorld, good, opened
from tests.portal.api.a_product import PRODUCT
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

DRAFT = "products/nuri-draft"
WHY = {"reason": "확인"}


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def sold(world: OfficeWorld, **changes: Any) -> None:
    await world.post("nuri", "products", PRODUCT | changes)
    path = f"products/{changes.get('id', 'nuri-draft')}"
    await world.post("nuri", f"{path}/submit")
    await world.post("operator", f"{path}/approve")


async def told(world: OfficeWorld, who: str) -> list[tuple[str, str]]:
    """The product and kind of each notice."""
    return [(row["product"], row["kind"]) for row in (await world.get(who, "notices"))["data"]]


async def test_companies_are_told_of_what_they_may_use(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION | {"products": ["nuri-x1"]})
    await sold(world)
    for path in ("products/nuri-x1", DRAFT):
        await world.post("operator", f"{path}/suspend", {"reason": "품질 점검"})
        await world.post("operator", f"{path}/resume", WHY)
    for _ in range(2):  # the second changes nothing, and nobody is told
        good(await world.patch("operator", "products/nuri-x1", {"retention_days": 30}))
    await world.post("operator", "providers/nuri/suspend", WHY)
    mine = [
        ("nuri-x1", "product_suspended"),
        ("nuri-x1", "product_resumed"),
        ("nuri-x1", "product_changed"),
        ("nuri-x1", "provider_suspended"),
    ]
    assert await told(world, "gaonde") == mine
    assert await told(world, "hanbit") == []
    first = (await world.get("gaonde", "notices?limit=1"))["data"][0]
    assert (first["reason"], first["company"]) == ("품질 점검", "gaonde")
    # A voucher that was declared without an agreement is as good.
    declared = {"id": "h", "company": "hanbit", "programme": "ai-2026", "government_krw": 1}
    await world.post("operator", "vouchers", declared)
    await world.post("operator", "providers/nuri/end", WHY)
    assert sorted(await told(world, "hanbit")) == [
        ("nuri-draft", "product_withdrawn"),
        ("nuri-x1", "product_withdrawn"),
    ]
    assert await told(world, "gaonde") == [*mine, ("nuri-x1", "product_withdrawn")]


async def test_products_are_found_by_what_a_company_looks_for(world: OfficeWorld) -> None:
    await sold(world)
    await sold(world, id="abroad", data_location="US", purposes=["chat", "completion"], scale="small")
    found = {}
    for asked in (
        "scale=small",
        "purpose=completion",
        "data_location=KR",
        "input_price_max=1000",
        "input_price_max=999.999999",
        "output_price_max=5000.5&input_price_max=1250",
        "scale=medium&purpose=chat&data_location=KR",
        "provider=nuri&state=on_sale",
    ):
        found[asked] = [one["id"] for one in (await world.get("gaonde", f"products?{asked}"))["data"]]
    everything = ["abroad", "nuri-draft", "nuri-x1"]
    assert list(found.values()) == [
        ["abroad"],
        ["abroad"],
        ["nuri-draft"],
        ["abroad", "nuri-draft"],
        [],
        everything,
        ["nuri-draft"],
        everything,
    ]
    for bad in ("input_price_max=cheap", "input_price_max=1e3", "price=1"):
        answer = await world.call("gaonde", "GET", f"products?{bad}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_filter"), bad
