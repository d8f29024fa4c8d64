"""What a request is, what it can cost at most, and what of it goes to the vendor."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bounds import PART_OVERHEAD_TOKENS, input_tokens_max, output_tokens_max
from providers.clova.encode import encode_upstream
from providers.clova.request import read_chat_request, read_embeddings_request
from providers.facts import IMAGE_TOKENS_MIN, BadRequest, RequestFacts, Spoken
from providers.quirks import NO_QUIRKS, Quirks, quirks_for

HI: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
SPOKEN = Spoken(model="nuri-x1")


def chat(spoken: Spoken = SPOKEN, **more: Any) -> RequestFacts:
    return read_chat_request({**HI, **more}, 1000, spoken)


def with_part(part: Any) -> RequestFacts:
    return chat(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, part]}])


def bound(facts: RequestFacts) -> int:
    return input_tokens_max(facts, context_tokens=100_000, input_overhead_tokens=512)


def test_facts_of_a_plain_request() -> None:
    assert chat() == RequestFacts(purpose="chat", model="nuri-x1", body_bytes=1000)
    assert bound(chat()) == 1512


@pytest.mark.parametrize(
    ("spoken", "body", "streams"),
    [(None, None, False), (True, None, True), (None, True, True), (True, False, True), (None, False, False)],
)
def test_a_stream_is_asked_for_in_the_head_or_in_the_body(
    spoken: bool | None, body: bool | None, streams: bool
) -> None:
    assert chat(Spoken(model="p", stream=spoken), stream=body).stream is streams


@pytest.mark.parametrize(
    ("more", "limit"),
    [
        ({}, None),
        ({"maxTokens": 10}, 10),
        ({"maxCompletionTokens": 10}, 10),
        ({"maxTokens": 10, "maxCompletionTokens": 5}, 5),
        ({"maxTokens": None}, None),
        ({"max_tokens": 10}, None),
    ],
)
def test_output_limit(more: dict[str, Any], limit: int | None) -> None:
    facts = chat(**more)
    assert facts.output_limit == limit
    assert output_tokens_max(facts, product_max_output_tokens=4096) == (limit or 4096)


@pytest.mark.parametrize(
    ("part", "extra"),
    [
        ({"type": "text", "text": "x"}, 0),
        (
            {"type": "image_url", "dataUri": {"data": "A" * 100}},
            PART_OVERHEAD_TOKENS + IMAGE_TOKENS_MIN - 100,
        ),
        ({"type": "image_url", "dataUri": {"data": "A" * 9000}}, PART_OVERHEAD_TOKENS),
        (
            {"type": "image_url", "imageUrl": {"url": "data:image/png;base64,AA"}},
            PART_OVERHEAD_TOKENS + IMAGE_TOKENS_MIN - 24,
        ),
    ],
)
def test_parts_in_the_body(part: Any, extra: int) -> None:
    assert bound(with_part(part)) == 1512 + extra


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "imageUrl": {"url": "https://example.org/a.png"}},
        {"type": "image_url", "imageUrl": {"url": "https://a"}, "dataUri": {"data": "AA"}},
        {"type": "image_url", "imageUrl": 3},
        {"type": "image_url", "imageUrl": {}},
        {"type": "image_url", "dataUri": {"data": "https://example.org/a.png"}},
        {"type": "image_url", "dataUri": {"data": 3}},
        {"type": "image_url", "dataUri": None},
        {"type": "image_url"},
        {"type": "video_url"},
        {},
    ],
)
def test_what_the_body_only_names_takes_the_whole_context(part: Any) -> None:
    assert bound(with_part(part)) == 100_000


@pytest.mark.parametrize(
    ("tools", "whole"),
    [
        ([], False),
        ([{"type": "function", "function": {}}, {"function": {}}], False),
        ([{"type": "web_search"}], True),
        ([3], True),
    ],
)
def test_tools(tools: Any, whole: bool) -> None:
    facts = chat(tools=tools)
    assert (facts.parts, facts.takes_whole_context) == (len(tools), whole)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages"),
        ({"messages": [{"role": "user", "content": {}}]}, "messages"),
        ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages"),
        ({"maxTokens": 0}, "maxTokens"),
        ({"maxTokens": "5"}, "maxTokens"),
        ({"maxTokens": True}, "maxTokens"),
        ({"maxCompletionTokens": 1.5}, "maxCompletionTokens"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
    ],
)
def test_what_cannot_be_metered_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        chat(**more)
    assert refused.value.param == param


def test_without_a_path_the_body_names_the_model() -> None:
    assert read_chat_request({**HI, "model": "p"}, 9, Spoken()).model == "p"
    with pytest.raises(BadRequest):
        read_chat_request(HI, 9, Spoken())


@pytest.mark.parametrize(
    ("in_path", "body", "model"),
    [
        ("v2", {"text": "x"}, "v2"),
        ("v2", {"text": "x", "model": "nuri-embed"}, "nuri-embed"),
        ("v2", {"text": "x", "model": None}, "v2"),
        ("nuri-embed", {"text": "x", "model": "other"}, "nuri-embed"),
        ("clir-emb-dolphin", {"text": "x"}, "clir-emb-dolphin"),
    ],
)
def test_which_product_embeds(in_path: str, body: dict[str, Any], model: str) -> None:
    facts = read_embeddings_request(body, 30, Spoken(model=in_path))
    assert facts == RequestFacts(purpose="embedding", model=model, body_bytes=30)
    out = encode_upstream(body, facts=facts, upstream_model="v2", stream=False, output_limit=7)
    assert json.loads(out) == {"text": "x"}


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": ["a"]}, {"text": 3}, {"text": "x", "model": 3}])
def test_embeddings_that_cannot_be_metered(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read_embeddings_request(body, 30, Spoken(model="v2"))


def upstream(
    more: dict[str, Any],
    *,
    model: str = "HCX-005",
    stream: bool = False,
    output_limit: int | None = None,
    quirks: Quirks = NO_QUIRKS,
) -> dict[str, Any]:
    body = {**HI, **more}
    before = json.dumps(body)
    encoded = encode_upstream(
        body,
        facts=chat(**more),
        upstream_model=model,
        stream=stream,
        output_limit=output_limit,
        quirks=quirks,
    )
    assert json.dumps(body) == before, "the caller's body is not touched"
    out: dict[str, Any] = json.loads(encoded)
    assert out.pop("messages") == HI["messages"]
    return out


@pytest.mark.parametrize(
    ("more", "how", "rest"),
    [
        ({}, {}, {}),
        ({}, {"stream": True}, {}),
        ({"model": "nuri-x1"}, {}, {}),
        ({"stream": False}, {"stream": True}, {"stream": True}),
        ({"stream": True}, {"stream": False}, {"stream": False}),
        ({}, {"output_limit": 7}, {"maxTokens": 7}),
        ({}, {"output_limit": 7, "model": "HCX-007"}, {"maxCompletionTokens": 7}),
        (
            {"thinking": {"effort": "low"}},
            {"output_limit": 7, "model": "HCX-009"},
            {"thinking": {"effort": "low"}, "maxCompletionTokens": 7},
        ),
        (
            {},
            {"output_limit": 7, "model": "HCX-009", "quirks": quirks_for("clova-thinking")},
            {"maxCompletionTokens": 7},
        ),
        ({}, {"output_limit": 7, "quirks": quirks_for("clova")}, {"maxTokens": 7}),
        ({}, {"output_limit": 7, "quirks": quirks_for("openai")}, {"maxTokens": 7}),
        ({"maxTokens": 100}, {"output_limit": 7, "model": "HCX-007"}, {"maxTokens": 7}),
        ({"maxTokens": 5}, {"output_limit": 7}, {"maxTokens": 5}),
        ({"maxCompletionTokens": 100, "maxTokens": None}, {"output_limit": 7}, {"maxCompletionTokens": 7}),
        ({"maxTokens": 100}, {}, {"maxTokens": 100}),
    ],
)
def test_the_body_for_the_vendor(more: dict[str, Any], how: dict[str, Any], rest: dict[str, Any]) -> None:
    assert {name: value for name, value in upstream(more, **how).items() if value is not None} == rest


OURS = {"messages", "model", "stream", "tools", "maxTokens", "maxCompletionTokens"}
NAMES = st.sampled_from(
    ["topP", "stop", "stopBefore", "seed", "responseFormat", "toolChoice", "x", "thinking"]
)
VALUES = st.sampled_from([None, True, 0, -1, 1.5, "", "값", [], [1, {"a": None}], {}, {"type": "json"}])


@given(st.dictionaries(NAMES, VALUES), st.booleans(), st.sampled_from([None, 7]))
def test_unknown_fields_pass_through(more: dict[str, Any], stream: bool, output_limit: int | None) -> None:
    out = upstream(more, stream=stream, output_limit=output_limit)
    assert {name: value for name, value in out.items() if name not in OURS} == more


def test_a_body_nested_too_deeply_is_refused() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(BadRequest):
        upstream({"x": deep})
