"""What no gateway proxies, by clicks: a product and its prices, a key, a milestone of an agreement."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_report import public_text
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.web_world import browsing_as


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_a_provider_registers_a_product_and_the_agency_approves_it(world: OfficeWorld) -> None:
    path = "/provider/reported_products/nuri-gpu"
    async with browsing_as(world, "nuri") as nuri, browsing_as(world, "gaonde") as gaonde:
        await nuri.get("/provider/reported_products/new")
        made = await nuri.submit(id="nuri-gpu", name="GPU 이용", unit="tflops_month", accept_from_krw="100만")
        assert (made.status, made.path.partition("?")[0]) == (200, path)
        assert (await gaonde.get("/company/reported_products/nuri-gpu")).status == 404
        step = f"{path}/do/reported_product.price"
        await nuri.get(step)
        untiered = await nuri.submit(step, holds_from="2026-01-01T00:00", price_krw="41,250")
        assert (untiered.status, untiered.page.forms[-1].values["price_krw"]) == (422, ["41,250"])
        priced = await nuri.submit(step, tier="10", holds_from="2026-01-01T00:00", price_krw="41,250")
        assert "10 · 2026.01.01 00:00:00 · 41,250원" in priced.text
        async with browsing_as(world, "operator") as operator:
            approve = "/operator/reported_products/nuri-gpu/do/reported_product.approve"
            await operator.get(approve)
            assert (await operator.submit(approve)).status == 200
        assert "41,250원" in (await gaonde.get("/company/reported_products/nuri-gpu")).text
        assert "nuri-gpu" in (await gaonde.get("/company/reported_products")).text
    shown = await world.get("nuri", "reported_products/nuri-gpu")
    assert (shown["state"], shown["accept_from_krw"]) == ("on_sale", "1000000")


async def test_a_key_is_registered_and_retired(world: OfficeWorld) -> None:
    async with browsing_as(world, "nuri") as nuri:
        await nuri.get("/provider/report_keys/new")
        assert (await nuri.submit(public_key="short")).status == 422
        await nuri.get("/provider/report_keys/new")
        made = await nuri.submit(public_key=public_text(Ed25519PrivateKey.generate()))
        path = made.path.partition("?")[0]
        assert (made.status, path.startswith("/provider/report_keys/rk-")) == (200, True)
        await nuri.get(f"{path}/do/report_key.retire")
        assert "교체됨" in (await nuri.submit()).text


async def test_a_milestone_is_entered_for_an_agreement(world: OfficeWorld) -> None:
    await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    await world.post("nuri", "reported_products", {"id": "nuri-step", "name": "구축", "unit": "milestone"})
    await world.post("operator", "reported_products/nuri-step/approve")
    async with browsing_as(world, "operator") as browser:
        await browser.get("/operator/milestones/new")
        entered = {"agreement": "ag-000001", "number": "1", "product": "nuri-step", "name": "착수"}
        made = await browser.submit(**entered, due_on="2026.05.01", amount_krw="100만")
        assert (made.status, made.path, "착수" in made.text) == (200, "/operator/milestones", True)
    for who, prefix in (("gaonde", "company"), ("nuri", "provider")):
        async with browsing_as(world, who) as browser:
            assert "1,000,000" in (await browser.get(f"/{prefix}/milestones")).text
    async with browsing_as(world, "hanbit") as browser:
        assert "착수" not in (await browser.get("/company/milestones")).text
