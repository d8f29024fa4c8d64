"""From a provider's draft to a charged call: the office and a gateway in one process, on real books."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from billing.directory_store import load_directory
from tests.fakes import gateway_world
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_product import PRODUCT, SECRET

CALL = {"model": "nuri-draft", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}


async def told(office: OfficeWorld, gateway: gateway_world.World) -> None:
    """What the gateway reads within a second of a change."""
    async with office.pool.connection() as conn:
        delta = await load_directory(conn, secrets=office.secrets)
    gateway.directory.apply(gateway_world.Everything(revision=delta.revision, products=delta.products))


async def test_a_provider_s_product_is_reviewed_sold_and_charged(books_url: str, tmp_path: Path) -> None:
    keys = []

    async def vendor(request: web.Request) -> web.Response:
        keys.append(request.headers["Authorization"].removeprefix("Bearer "))
        return web.json_response(gateway_world.answer())

    async with (
        opened(books_url, allow_private=True) as office,
        gateway_world.world(vendor, tmp_path) as gateway,
    ):
        address = gateway.directory.products["x1"].upstreams[0].base_url
        upstream = [PRODUCT["upstream"][0] | {"base_url": address}]
        made = await office.post("nuri", "products", PRODUCT | {"upstream": upstream})
        assert (made["state"], made["provider"], made["active"], made["missing"]) == (
            "draft",
            "nuri",
            False,
            [],
        )
        await office.post("nuri", "products/nuri-draft/submit")
        await told(office, gateway)
        assert (await gateway.client.call("POST", "/v1/chat/completions", CALL)).status == 404
        assert "nuri-draft" not in gateway.directory.products

        sold = await office.post("operator", "products/nuri-draft/approve")
        assert (sold["state"], sold["active"], sold["prices"][0]["output"]) == ("on_sale", True, "4000")
        await told(office, gateway)
        heard = await gateway.client.call("POST", "/v1/chat/completions", CALL)
        assert (heard.status, heard.json["model"]) == (200, "nuri-draft")
        [event] = gateway.events
        assert event.charge_micro == 10 * 1_000 + 5 * 4_000
        assert keys == [SECRET]

        # Suspended, it is refused as what is not there, in the caller's words, and nothing is charged.
        await office.post("operator", "products/nuri-draft/suspend", {"reason": "품질 점검"})
        await told(office, gateway)
        refused = await gateway.client.call("POST", "/v1/chat/completions", CALL)
        assert (refused.status, refused.json["error"]["code"]) == (404, "model_not_found")
        claude = {**CALL, "max_tokens": 10}
        answer = await gateway.client.call("POST", "/v1/messages", claude)
        assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")
        await office.post("operator", "products/nuri-draft/resume", {"reason": "점검 완료"})
        await office.post("operator", "providers/nuri/suspend", {"reason": "계약 점검"})
        await told(office, gateway)
        assert (await gateway.client.call("POST", "/v1/chat/completions", CALL)).status == 404
        await office.post("operator", "providers/nuri/resume", {"reason": "점검 완료"})
        await told(office, gateway)
        assert (await gateway.client.call("POST", "/v1/chat/completions", CALL)).status == 200
        assert len(gateway.events) == 2
