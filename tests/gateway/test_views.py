"""What a company reads: a query that cannot be read is refused in the caller's language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from metering.money import format_krw
from tests.fakes.gateway_world import world


async def unasked(request: web.Request) -> web.Response:
    raise AssertionError("no vendor is asked")


@pytest.mark.parametrize("query", ["limit", "limit=1&limit=2", "colour=red"])
@pytest.mark.parametrize(("language", "korean"), [("ko", True), ("en", False)])
async def test_a_query_is_refused_in_the_callers_language(
    tmp_path: Path, query: str, language: str, *, korean: bool
) -> None:
    async with world(unasked, tmp_path) as w:
        heard = await w.client.call("GET", f"/v1/usage?{query}", headers={"accept-language": language})
    assert (heard.status, heard.code) == (400, "invalid_request")
    assert any("가" <= letter <= "힣" for letter in heard.json["error"]["message"]) is korean


@pytest.mark.parametrize(
    ("purposes", "body", "output_tokens_max"),
    [
        ({"chat"}, {"messages": [{"role": "user", "content": "안녕"}], "max_tokens": 7}, 7),
        ({"chat"}, {"input": "안녕", "max_output_tokens": 7}, 7),
        ({"chat"}, {"input": "안녕"}, 4096),
        ({"completion"}, {"prompt": "안녕", "max_tokens": 7}, 7),
        ({"embedding"}, {"input": "안녕"}, 0),
    ],
)
async def test_an_estimate_is_of_the_call_the_body_would_be(
    tmp_path: Path, purposes: set[str], body: dict[str, Any], output_tokens_max: int
) -> None:
    async with world(unasked, tmp_path, purposes=frozenset(purposes)) as w:
        heard = await w.client.call("POST", "/v1/estimate", {"model": "x1", **body})
    input_tokens_max = heard.json["input_tokens_max"]
    assert heard.json == {
        "input_tokens_max": input_tokens_max,
        "charge_krw_max": format_krw(input_tokens_max * 1000 + output_tokens_max * 4000),
        "payable": True,
    }
