"""Where Anthropic runs code for a company: named again by that company alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from tests.fakes.gateway_world import Vendor, World
from tests.gateway.test_anthropic import ASK, ONE_WON, PATH, SDK, STREAM, answers, anthropic_world, message
from tests.providers.anthropic.talk import STOP, begin, delta, end, event_of, finish, start

MADE: Final = {"id": "container_1", "expires_at": "2026-11-22T09:00:00Z"}
TEXT: Final = [begin(0, {"type": "text", "text": ""}), delta(0, "text_delta", text="hello"), end(0)]


def streamed() -> Vendor:
    """Its container is told at the end."""

    async def vendor(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in (start(), *TEXT, finish("end_turn", container=MADE), STOP):
            await response.write(event_of(event))
        return response

    return vendor


async def ask(w: World, container: Any, **more: Any) -> Any:
    return await w.client.call("POST", PATH, {**ASK, "container": container, **more}, headers=SDK)


@pytest.mark.parametrize("named", ["container_1", {"id": "container_1"}])
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
async def test_named_again_by_its_company(tmp_path: Path, body: dict[str, Any], named: Any) -> None:
    vendor = answers(message(container=MADE)) if body is ASK else streamed()
    async with anthropic_world(vendor, tmp_path) as w:
        assert (await ask(w, named)).status == 404, "before it was told of one, it knows none"
        assert w.seen == []
        heard = await w.client.call("POST", PATH, body, headers=SDK)
        assert heard.status == 200
        assert b"container_1" in heard.body
        [thing] = w.things.things.values()
        assert (thing.kind, thing.company_id, thing.product_id) == ("container", "gaonde", "x1")
        assert (await ask(w, named, stream=body is STREAM)).status == 200
        assert w.seen[-1]["container"] == named
        counted = await w.client.call("POST", f"{PATH}/count_tokens", {**ASK, "container": "c9"}, headers=SDK)
        assert counted.status == 404


async def test_nobody_elses(tmp_path: Path) -> None:
    """For another company it does not exist; nor may a key use it that may not use its product."""
    async with anthropic_world(answers(message(container=MADE)), tmp_path) as w:
        await w.client.call("POST", PATH, ASK, headers=SDK)
        [(key, thing)] = w.things.things.items()
        w.things.things[key] = replace(thing, company_id="other")
        heard = await ask(w, "container_1")
        assert (heard.status, heard.json["error"]["code"]) == (404, "id_not_found")
        assert heard.json["error"]["type"] == "not_found_error"
        w.things.things[key] = replace(thing, product_id="x9", base_url="https://elsewhere.example")
        heard = await ask(w, "container_1")
        assert (heard.status, heard.json["error"]["code"]) == (400, "invalid_request")
        assert heard.json["error"]["message"].startswith("`container` was made by x9")
        assert len(w.seen) == 1


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
async def test_what_cannot_be_bound_is_not_told(tmp_path: Path, body: dict[str, Any]) -> None:
    """It was made and is charged; its container is nobody's."""
    vendor = answers(message(container=MADE)) if body is ASK else streamed()
    async with anthropic_world(vendor, tmp_path) as w:
        w.things.is_away = True
        heard = await w.client.call("POST", PATH, body, headers=SDK)
        assert b"container_1" not in heard.body
        assert b"meter_unavailable" in heard.body
        assert w.events[0].charge_micro > 0


async def test_one_that_is_put_together(tmp_path: Path) -> None:
    """Money is scarce: a stream is read for who asked for none."""
    async with anthropic_world(streamed(), tmp_path, vouchers=(ONE_WON,)) as w:
        heard = await w.client.call("POST", PATH, ASK, headers=SDK)
        assert (heard.status, w.seen[0]["stream"]) == (200, True)
        assert heard.json["container"] == MADE
        assert [thing.kind for thing in w.things.things.values()] == ["container"]
