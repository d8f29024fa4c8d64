"""Products by pages: whose drafts are seen, what a form leaves alone, what browsing finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from psycopg.types.json import Jsonb

from metering.prices import PRICE_NAMES
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_product import PRODUCT, SECRET
from tests.portal.api.a_round import PROGRAMME, ROUND
from tests.portal.web.web_world import browsing_as


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    """nuri has a draft beside what it sells."""
    async with opened(books_url) as world:
        await world.post("nuri", "products", PRODUCT)
        yield world


async def test_a_draft_is_seen_by_its_provider_and_the_agency_alone(world: OfficeWorld) -> None:
    seen = {}
    for who, prefix in (
        ("gaonde", "company"),
        ("other", "provider"),
        ("nuri", "provider"),
        ("auditor", "audit"),
    ):
        async with browsing_as(world, who) as browser:
            listed = "nuri-draft" in (await browser.get(f"/{prefix}/products")).text
            seen[who] = (listed, (await browser.get(f"/{prefix}/products/nuri-draft")).status)
    assert seen == {
        "gaonde": (False, 404),
        "other": (False, 404),
        "nuri": (True, 200),
        "auditor": (True, 200),
    }


async def test_no_form_of_a_company_names_a_draft(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    async with browsing_as(world, "gaonde") as browser:
        for path in ("/company/keys/new", "/company/rounds/ai-2026-1/do/application.make"):
            seen = await browser.get(path)
            assert (seen.status, "nuri-x1" in seen.html, "nuri-draft" in seen.html) == (200, True, False)
        await browser.get("/company/keys/new")
        made = await browser.submit("/company/keys/new", name="backend")
        assert ("nuri-x1" in made.html, "nuri-draft" in made.html) == (True, False)


async def draft(world: OfficeWorld) -> dict[str, Any]:
    shown: dict[str, Any] = await world.get("nuri", "products/nuri-draft")
    return shown


async def test_what_a_form_does_not_change_stays_as_it_was(world: OfficeWorld) -> None:
    """Limits of time and tiers of prices have no entries, and are not lost by a change beside them."""
    upstream = PRODUCT["upstream"][0] | {"connect_timeout_s": 7, "vendor": "vllm"}
    tiers = [{"input_tokens_over": 200_000, "input": 2_000, "output": 8_000}]
    changed = {"upstream": [upstream], "prices": [PRODUCT["prices"][0] | {"tiers": tiers}]}
    assert (await world.patch("nuri", "products/nuri-draft", changed)).status_code == 200
    before = await draft(world)
    path = "/provider/products/nuri-draft/do/product.change"
    async with browsing_as(world, "nuri") as browser:
        assert SECRET not in (await browser.get(path)).html
        assert (await browser.submit(path, scale="large", data_location="US")).status == 200
        assert await draft(world) == before | {"scale": "large", "data_location": "US"}
        async with world.pool.connection() as conn:
            kept = await (
                await conn.execute(
                    "select u.connect_timeout_ms, u.sealed_api_key is not null, l.prices -> 0 -> 'tiers'"
                    " from upstream u join product_life l using (product_id) where product_id = 'nuri-draft'"
                )
            ).fetchone()
        assert kept is not None
        assert (kept[0], kept[1], len(kept[2])) == (7_000, True, 1)
        await browser.get(path)
        lacking = await browser.submit(path, holds_from="", price_input="3000")
        assert (lacking.status, "입력해 주세요." in lacking.text) == (422, True)
        await browser.get(path)
        await browser.submit(path, price_input="3000")
        assert [price["input"] for price in (await draft(world))["prices"]] == ["3000"]


async def test_browsing_finds_by_what_a_product_is_and_costs(world: OfficeWorld) -> None:
    async with world.pool.connection() as conn:
        await conn.execute("update product set data_location = 'KR' where id = 'nuri-x1'")
    async with browsing_as(world, "gaonde") as browser:
        for query, found in (
            ("scale=large&purposes=chat&location=KR&input_at_most=1,250", True),
            ("input_at_most=1249.999999", False),
            ("output_at_most=5000.4", False),
            ("location=US", False),
            ("sort=input", True),
            ("sort=-output", True),
        ):
            seen = await browser.get(f"/company/products?{query}")
            assert (seen.status, "nuri-x1" in seen.text) == (200, found), query
        assert (await browser.get("/company/products?input_at_most=cheap")).status == 400
        assert "대한민국" in (await browser.get("/company/products")).text


async def test_a_product_without_a_price_has_its_place_in_the_order(world: OfficeWorld) -> None:
    """Page by page in the order of a price that some have not got, each is seen once."""
    async with world.pool.connection() as conn:
        await conn.execute(
            "insert into product select (jsonb_populate_record(p, jsonb_build_object('id', 'many-' || n))).*"
            " from product p, generate_series(1, 60) n where p.id = 'nuri-x1'"
        )
    async with browsing_as(world, "operator") as browser:
        seen = await browser.get("/operator/products?sort=input")
        names = [link for link in seen.page.links if link.startswith("/operator/products/many-")]
        following = next(link for link in seen.page.links if "after=" in link)
        seen = await browser.get(following)
        names += [link for link in seen.page.links if link.startswith("/operator/products/many-")]
    assert (len(names), len(set(names))) == (60, 60)


async def test_the_agency_enters_a_company_and_changes_it(world: OfficeWorld) -> None:
    async with browsing_as(world, "operator") as browser:
        link = next(
            one for one in (await browser.get("/operator/companies")).page.links if one.endswith("/new")
        )
        await browser.get(link)
        wrong = await browser.submit(id="haru", name="하루", brn="1234567890", **{"class": "sme"})
        assert (wrong.status, wrong.page.forms[-1].values["name"]) == (422, ["하루"])
        made = await browser.submit(id="haru", name="하루", brn="333-33-33336", **{"class": "sme"})
        assert (made.status, made.path.partition("?")[0]) == (200, "/operator/companies/haru")
        path = "/operator/companies/haru/do/company.change"
        await browser.get(path)
        await browser.submit(path, name="하루랩", data_locations="KR")
        shown = await world.get("operator", "companies/haru")
        assert (shown["name"], shown["brn"], shown["data_locations"]) == ("하루랩", "3333333336", ["KR"])
        await browser.get(path)
        await browser.submit(path, data_locations="")
        assert (await world.get("operator", "companies/haru"))["data_locations"] is None


NOTHING: Final = dict.fromkeys(PRICE_NAMES, 0)
PRICED: Final = {
    "paint": NOTHING | {"per_image": 50_000_000},
    "ear": NOTHING | {"per_second": 140_000},
    "both": NOTHING | {"input": 2_000_000, "per_request": 1_500_000},
    "free": NOTHING,
}


async def test_a_price_that_a_product_has_not_got_is_no_price_of_nothing(world: OfficeWorld) -> None:
    """What is paid by the image has no price of tokens; what costs nothing at all is free."""
    async with world.pool.connection() as conn:
        for name, prices in PRICED.items():
            for table, key in (("product", "id"), ("price", "product_id")):
                await conn.execute(
                    f"insert into {table} select (jsonb_populate_record(t, %s)).* from {table} t"
                    f" where {key} = 'nuri-x1'".encode(),
                    [Jsonb({key: name, **prices})],
                )
    for who, prefix in (("gaonde", "company"), ("operator", "operator"), ("nuri", "provider")):
        async with browsing_as(world, who) as browser:
            seen = (await browser.get(f"/{prefix}/products")).text
            for row in ("– – 이미지당 50", "– – 초당 0.14", "2 0 호출당 1.5", "0 0 –", "1,250 5,000.5 –"):
                assert row in seen, (who, row)
    async with browsing_as(world, "gaonde", language="en") as browser:
        assert "Per image 50" in (await browser.get("/company/products?sort=-input")).text
        assert "paint" not in (await browser.get("/company/products?input_at_most=10")).text
