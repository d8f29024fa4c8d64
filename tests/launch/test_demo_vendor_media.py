"""The simulated vendor's images and sound, through a gateway: what they say is charged."""

from __future__ import annotations

import base64
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from launch.demo_vendor.server import DemoVendor
from launch.demo_vendor.speaker import VendorSettings
from tests.fakes.gateway_world import World, product, world
from tests.fakes.media_vendor import DRAW, IMAGES, SAY, SPEECH, priced, transcribe


async def unasked(request: web.Request) -> web.Response:
    raise AssertionError("another vendor was asked")


async def _charges(w: World) -> list[tuple[dict[str, int], bool]]:
    drawn = await w.client.call("POST", IMAGES, {**DRAW, "n": 2})
    assert base64.b64decode(drawn.json["data"][1]["b64_json"]).startswith(b"\x89PNG")
    said = await w.client.call("POST", SPEECH, SAY)
    assert (said.headers["content-type"], said.body[:4]) == ("audio/wav", b"RIFF")
    heard = await transcribe(w, said.body)
    assert heard.json["text"].startswith("시뮬레이션")
    streamed = await transcribe(w, said.body, stream="true")
    assert streamed.frames[-1] == "data: [DONE]"
    return [(event.units, event.estimated) for event in w.events]


async def test_what_the_simulated_vendor_says_is_charged(tmp_path: Path) -> None:
    vendor = DemoVendor(VendorSettings(latency_ms=0.0, token_ms=0.0))
    prices = priced(per_image=50, per_1000_characters=20, per_second=1)
    async with TestServer(vendor.app()) as server, world(unasked, tmp_path, **prices) as w:
        here = product(str(server.make_url("")).rstrip("/"), **prices)
        w.directory.products = {"x1": here}
        assert await _charges(w) == [
            ({"images": 2}, False),
            ({"characters": 5}, False),
            ({"seconds": 1}, False),
            ({"seconds": 1}, False),
        ]
