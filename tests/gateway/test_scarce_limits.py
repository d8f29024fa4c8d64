"""Where money is scarce and a call cannot be cut, the vendor is asked for no more than the hold pays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.hidden import HiddenOutput
from tests.fakes.gateway_world import Everything, World, answer, chunk, voucher, world

ASK = {"model": "x1", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4000}
ONE_WON = voucher(1, 0, share_ppm=1_000_000)  # pays the question and some 230 tokens of output
DONE = b"data: [DONE]\n\n"


async def plain(request: web.Request) -> web.Response:
    return web.json_response(answer())


def think_beside_the_limit(w: World) -> None:
    """Its vendor's limit leaves reasoning out, so nothing of it is bounded by what is asked for or seen."""
    product = w.directory.products["x1"]
    target = replace(product.upstreams[0], vendor="xai")
    w.directory.apply(Everything(products=(replace(product, upstreams=(target,)),)))


@pytest.mark.parametrize("stream", [True, False])
async def test_no_limit_is_relied_on_that_leaves_reasoning_out(stream: bool, tmp_path: Path) -> None:
    """The whole answer must be payable, or the vendor is not asked."""
    async with world(plain, tmp_path, vouchers=(ONE_WON,)) as w:
        think_beside_the_limit(w)
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "stream": stream})
        assert (heard.status, heard.code) == (402, "voucher_exhausted")
        assert (w.seen, w.events) == ([], [])


async def test_plenty_lowers_nothing(tmp_path: Path) -> None:
    async with world(plain, tmp_path) as w:
        think_beside_the_limit(w)
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert "x-voucher-max-output-tokens" not in heard.headers
        assert w.seen[0]["max_tokens"] == 4000


@pytest.mark.parametrize("stream", [True, False])
async def test_a_product_found_hiding_output_is_not_cut_any_more(stream: bool, tmp_path: Path) -> None:
    """The vendor bills 150 tokens for five letters: the next call gets a limit instead of a growing hold."""
    told: dict[str, Any] = answer(10, 150)

    async def reasons(request: web.Request) -> web.StreamResponse:
        if len(w.seen) == 1 or not stream:
            return web.json_response(told)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in (chunk("a"), chunk(finish="stop"), chunk(usage=told["usage"]), DONE):
            await response.write(event)
        return response

    async with world(reasons, tmp_path, vouchers=(voucher(2, 0, share_ppm=1_000_000),)) as w:
        first = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert "x-voucher-max-output-tokens" not in first.headers
        again = await w.client.call("POST", "/v1/chat/completions", {**ASK, "stream": stream})
        limit = int(again.headers["x-voucher-max-output-tokens"])
        assert 200 < limit < 400, "what is left pays"
        asked = [(body["max_tokens"], body.get("stream", False)) for body in w.seen]
        assert asked == [(4000, True), (limit, stream)], "no need to watch it any more"
        assert [event.charge_micro for event in w.events] == [610_000, 610_000]


@pytest.mark.parametrize(
    ("billed", "seen", "hides"),
    [(5, 5, False), (60, 0, False), (65, 0, True), (190, 100, False), (201, 100, True), (10, 100, False)],
)
def test_what_counts_as_hidden(billed: int, seen: int, hides: bool) -> None:
    hidden = HiddenOutput()
    hidden.learn("x1", billed_tokens=billed, seen_tokens=seen)
    assert ("x1" in hidden) is hides
