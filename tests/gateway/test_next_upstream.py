"""Which upstream is asked next, and what the caller is told where none of them helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.fakes.gateway_world import Everything, World, answer, voucher, world

ASK: dict[str, Any] = {"model": "x1", "messages": [{"role": "user", "content": "hi"}], "seed": 1}


def says(status: int, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Any:
    async def vendor(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers, content_type="application/json")

    return vendor


def with_upstreams(w: World, *dialects: str) -> None:
    """The product at one vendor under several dialects, asked in this order."""
    made = w.directory.products["x1"]
    [target] = made.upstreams
    targets = tuple(
        replace(target, target_id=f"x1/{i}", dialect=dialect, priority=i)
        for i, dialect in enumerate(dialects)
    )
    w.directory.apply(
        Everything(revision=2, vouchers=(voucher(),), products=(replace(made, upstreams=targets),))
    )


async def test_an_upstream_that_failed_is_the_reason_and_not_one_that_has_no_words(tmp_path: Path) -> None:
    async with world(says(500), tmp_path) as w:
        with_upstreams(w, "openai", "anthropic")  # which has no word for a seed
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (502, "upstream_error")
        assert heard.headers["x-should-retry"] == "true"


async def test_where_one_has_no_words_another_is_asked(tmp_path: Path) -> None:
    async def vendor(request: web.Request) -> web.Response:
        return web.json_response(answer())

    async with world(vendor, tmp_path) as w:
        with_upstreams(w, "anthropic", "openai")
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, len(w.seen)) == (200, 1)


async def test_where_none_has_words_the_field_is_named_and_nobody_asked(tmp_path: Path) -> None:
    async with world(says(500), tmp_path, dialect="anthropic") as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", "seed")
        assert w.seen == []


BAD_KEY = b'{"code":"invalid-argument","error":"Incorrect API key provided."}'
UNPAID = (
    b'{"type":"error","error":{"type":"invalid_request_error",'
    b'"message":"Your credit balance is too low to access the Anthropic API."}}'
)
BAD_GOOGLE_KEY = (
    b'{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":['
    b'{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}'
)
OURS = [("openai", BAD_KEY), ("anthropic", UNPAID), ("gemini", BAD_GOOGLE_KEY)]


@pytest.mark.parametrize(("dialect", "said"), OURS)
@pytest.mark.parametrize(("then", "told"), [(200, 200), (500, 502)])
async def test_where_the_vendor_blames_the_call_and_means_us_another_is_asked(
    dialect: str, said: bytes, then: int, told: int, tmp_path: Path
) -> None:
    async def vendor(request: web.Request) -> web.Response:
        is_first = len(w.seen) == 1
        body = said if is_first else orjson.dumps(answer())
        return web.Response(status=400 if is_first else then, body=body, content_type="application/json")

    async with world(vendor, tmp_path) as w:
        with_upstreams(w, dialect, "openai")
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "seed": None})
        assert (heard.status, len(w.seen)) == (told, 2)


@pytest.mark.parametrize(("dialect", "said"), OURS)
async def test_where_none_is_left_a_400_stays_one(dialect: str, said: bytes, tmp_path: Path) -> None:
    async with world(says(400, said), tmp_path) as w:
        with_upstreams(w, dialect, dialect)
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "seed": None})
        assert (heard.status, heard.code, len(w.seen)) == (400, "upstream_rejected", 2)
        assert [event.charge_micro for event in w.events] == [0]


async def test_a_400_about_the_call_ends_it(tmp_path: Path) -> None:
    async with world(says(400, b'{"code":"invalid-argument","error":"no such field"}'), tmp_path) as w:
        with_upstreams(w, "openai", "openai")
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code, len(w.seen)) == (400, "upstream_rejected", 1)


@pytest.mark.parametrize(
    ("status", "told", "code"), [(422, 400, "upstream_rejected"), (500, 502, "upstream_error")]
)
async def test_an_error_too_large_to_read_is_judged_by_its_status(
    status: int, told: int, code: str, tmp_path: Path
) -> None:
    """Some vendors repeat all that they were asked."""
    async with world(says(status, b"[" + b" " * 400_000), tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (told, code)


@pytest.mark.parametrize(
    ("said", "told"), [("7", "7"), ("99999", "3600"), ("9" * 5000, "3600"), ("-1", "1"), ("soon", "1")]
)
async def test_when_to_come_again(said: str, told: str, tmp_path: Path) -> None:
    async with world(says(429, headers={"retry-after": said}), tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (429, "upstream_rate_limited")
        assert heard.headers["retry-after"] == told


async def test_a_vendor_without_an_end_of_its_own_is_always_given_one(tmp_path: Path) -> None:
    """Ollama goes on for as long as its model does."""
    async with world(says(500), tmp_path, dialect="ollama", max_output_tokens=321) as w:
        await w.client.call("POST", "/v1/chat/completions", {**ASK, "stream": False})
        assert w.seen[0]["options"]["num_predict"] == 321
