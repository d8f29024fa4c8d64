"""Responses that a vendor keeps: which paths name one, what goes to the vendor, what it says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.facts import BadRequest
from providers.openai_responses.stored import RESPONSE
from providers.openai_responses.stream import ResponseFold
from providers.quirks import NO_QUIRKS
from providers.sse import SseSplitter
from tests.providers.openai_responses.recorded import WIRE


@pytest.mark.parametrize(
    ("path", "deeds"),
    [
        ("/v1/responses/resp_1", {"GET": "read", "DELETE": "delete"}),
        ("/v1/responses/9f3a-4", {"GET": "read", "DELETE": "delete"}),
        ("/v1/responses/resp_1/cancel", {"POST": "cancel"}),
        ("/v1/responses/resp_1/input_items", {"GET": "list"}),
        ("/v1/responses/resp_1/", {}),
        ("/v1/responses/resp_1/cancel/", {}),
        ("/v1/responses/resp_1//cancel", {}),
        ("/v1/responses/", {}),
        ("/v1/responses", {}),
        ("/v1/responses/../files", {}),
        ("/v1/responses/a\r\nb", {}),
        ("/v1/responses/a?b", {}),
        ("/v1/responses/가", {}),
        ("/v1/responses/compact", {}),
        ("/v2/responses/resp_1", {}),
    ],
)
def test_paths(path: str, deeds: dict[str, str]) -> None:
    found = RESPONSE.find(path)
    assert {method: route.deed for method, route in found.items()} == deeds
    assert all(path == "/v1" + route.path for route in found.values()), "the vendor's path is the same"


@given(path=st.text(max_size=300))
def test_no_path_leads_elsewhere(path: str) -> None:
    for route in RESPONSE.find("/v1/responses/" + path).values():
        assert route.path.startswith("/responses/")
        assert set(route.path) <= set("/_-.~=%") | {c for c in route.path if c.isascii() and c.isalnum()}
        assert not {".", ".."} & set(route.path.split("/"))


@pytest.mark.parametrize(
    ("deed", "query", "text", "streams"),
    [
        ("read", b"", "", False),
        ("read", b"stream=false", "?stream=false", False),
        ("read", b"stream=true&starting_after=4", "?stream=true&starting_after=4", True),
        ("read", b"include=a&include=b&key=c", "?include=a&include=b", False),
        ("read", b"limit=3", "", False),
        ("list", b"limit=3&after=msg_1&stream=true", "?limit=3&after=msg_1", False),
        ("list", b"after=a%0d%0ab%26c", "?after=a%0D%0Ab%26c", False),
        ("delete", b"include=a&stream=true", "", False),
        ("cancel", b"stream=true", "", False),
    ],
)
def test_queries(deed: str, query: bytes, text: str, streams: bool) -> None:
    found = RESPONSE.query(deed, query)
    assert (found.text, found.streams) == (text, streams)


@pytest.mark.parametrize("query", ["a=가".encode(), b"&".join([b"a=b"] * 21)])
def test_a_query_that_cannot_be_read(query: bytes) -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        RESPONSE.query("read", query)


def recorded() -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in WIRE.glob("openai.responses.retrieve.*.json")]


def test_what_vendors_say_of_what_they_keep() -> None:
    """Running ones have no count yet; of the others it is the one that was expected."""
    seen = set()
    for exchange in recorded():
        body, expected = exchange["response"]["body"].encode(), exchange["expected_usage"]
        usage: Usage | None
        if exchange["streaming"]:
            fold, splitter = ResponseFold("x1"), SseSplitter(1 << 22)
            for event in splitter.feed(body):
                fold.feed(event)
            usage, is_running = fold.usage, not fold.done
        else:
            answer = RESPONSE.answer(body, product_id="x1", quirks=NO_QUIRKS)
            usage, is_running = answer.usage, answer.is_running
            assert json.loads(answer.body)["model"] == "x1"
        assert is_running == (expected is None), exchange["id"]
        if usage is not None:
            counts = (usage.input_total, usage.cached_input, usage.output_total)
            names = ("input_tokens", "cached_input_tokens", "output_tokens")
            assert counts == tuple(expected[name] for name in names)
        seen.add(is_running)
    assert seen in ({True, False}, set()), "both kinds, wherever the recordings are"


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"3", b"{", b"null"])
def test_what_cannot_be_read_says_so(body: bytes) -> None:
    error = RESPONSE.answer(body, product_id="x1", quirks=NO_QUIRKS).error
    assert error is not None
    assert error.code == "unreadable_answer"


@pytest.mark.parametrize("status", [3, None, [], {}, "completed", "queued ", ["queued"], "cancelled"])
def test_only_what_is_said_to_run_runs(status: Any) -> None:
    body = json.dumps({"id": "resp_1", "status": status}).encode()
    assert not RESPONSE.answer(body, product_id="x1", quirks=NO_QUIRKS).is_running
