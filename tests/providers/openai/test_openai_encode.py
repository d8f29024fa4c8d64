"""What goes to the vendor: the caller's body, but for what the gateway must change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.openai.encode import encode_upstream
from providers.openai.request import read_chat_request, read_embeddings_request
from providers.quirks import NO_QUIRKS, Quirks, quirks_for

HI = {"model": "nuri-x1", "messages": [{"role": "user", "content": "hi"}]}


def upstream(
    more: dict[str, Any],
    *,
    stream: bool = False,
    output_limit: int | None = None,
    quirks: Quirks = NO_QUIRKS,
) -> dict[str, Any]:
    body = {**HI, **more}
    before = json.dumps(body)
    encoded = encode_upstream(
        body,
        facts=read_chat_request(body, 100),
        upstream_model="HCX-005",
        stream=stream,
        output_limit=output_limit,
        quirks=quirks,
    )
    assert json.dumps(body) == before, "the caller's body is not touched"
    out: dict[str, Any] = json.loads(encoded)
    assert out.pop("model") == "HCX-005"
    assert out.pop("messages") == HI["messages"]
    return out


@pytest.mark.parametrize(
    ("more", "how", "rest"),
    [
        ({}, {}, {}),
        ({"x_unknown": [1.5]}, {}, {"x_unknown": [1.5]}),
        ({"stream": False}, {}, {"stream": False}),
        (
            {"stream": True},
            {"stream": True},
            {"stream": True, "stream_options": {"include_usage": True}},
        ),
        (
            {"stream": True, "stream_options": {"include_usage": False, "x": 1}},
            {"stream": True},
            {"stream": True, "stream_options": {"include_usage": True, "x": 1}},
        ),
        ({}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        (
            {"stream": True, "stream_options": {"include_usage": True}},
            {"stream": True, "quirks": quirks_for("mistral")},
            {"stream": True},
        ),
        ({}, {"output_limit": 7}, {"max_tokens": 7}),
        ({}, {"output_limit": 7, "quirks": quirks_for("openai")}, {"max_completion_tokens": 7}),
        ({"max_tokens": 100}, {"output_limit": 7, "quirks": quirks_for("openai")}, {"max_tokens": 7}),
        ({"max_tokens": 5}, {"output_limit": 7}, {"max_tokens": 5}),
        (
            {"max_tokens": 5, "max_completion_tokens": 50},
            {"output_limit": 7},
            {"max_tokens": 5, "max_completion_tokens": 7},
        ),
    ],
)
def test_the_body_for_the_vendor(more: dict[str, Any], how: dict[str, Any], rest: dict[str, Any]) -> None:
    assert upstream(more, **how) == rest


def test_an_embeddings_body_changes_its_model_only() -> None:
    body = {"model": "e", "input": "x", "dimensions": 3}
    facts = read_embeddings_request(body, 30)
    out = encode_upstream(body, facts=facts, upstream_model="v", stream=False, output_limit=5)
    assert json.loads(out) == {"model": "v", "input": "x", "dimensions": 3}
