"""From a provider's draft to a charged call, and to a refused one: the office and a gateway on real books."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from tests.fakes import gateway_world
from tests.portal.api.a_product import SECRET
from tests.portal.api.a_seller import Seller, drafted

DRAFT = "products/nuri-draft"


async def test_a_provider_s_product_is_reviewed_sold_and_charged(books_url: str, tmp_path: Path) -> None:
    keys = []

    async def vendor(request: web.Request) -> web.Response:
        keys.append(request.headers["Authorization"].removeprefix("Bearer "))
        return web.json_response(gateway_world.answer())

    async with drafted(books_url, tmp_path, vendor) as seller:
        made = seller.draft
        assert (made["state"], made["provider"], made["active"]) == ("draft", "nuri", False)
        assert made["missing"] == []
        await seller.office.post("nuri", f"{DRAFT}/submit")
        await seller.told()
        assert (await seller.call()).status == 404
        assert "nuri-draft" not in seller.gateway.directory.products

        sold = await seller.office.post("operator", f"{DRAFT}/approve")
        assert (sold["state"], sold["active"], sold["prices"][0]["output"]) == ("on_sale", True, "4000")
        await seller.told()
        heard = await seller.call()
        assert (heard.status, heard.json["model"]) == (200, "nuri-draft")
        [event] = seller.gateway.events
        assert event.charge_micro == 10 * 1_000 + 5 * 4_000
        assert keys == [SECRET]
        await _stopped(seller)
        assert len(keys) == len(seller.gateway.events) == 2


async def _stopped(seller: Seller) -> None:
    """Refused as what is not there, in the caller's words, and not charged; sold again, it is served."""
    because = {"reason": "점검"}
    for path in (DRAFT, "providers/nuri"):
        await seller.office.post("operator", f"{path}/suspend", because)
        await seller.told()
        for caller in ("/v1/chat/completions", "/v1/messages"):
            refused = await seller.call(caller)
            assert (refused.status, refused.json["error"]["code"]) == (404, "model_not_found")
        await seller.office.post("operator", f"{path}/resume", because)
    await seller.told()
    assert (await seller.call()).status == 200
