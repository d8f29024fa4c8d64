"""What goes to the vendor: the caller's body, but for what the gateway must change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialect import Encode
from providers.facts import BadRequest, RequestFacts
from providers.gemini.encode import encode_count, encode_embed, encode_generate, path_of
from providers.quirks import NO_QUIRKS

FACTS = RequestFacts(purpose="chat", model="nuri-x1", body_bytes=100)
HI = {"contents": [{"parts": [{"text": "hi"}]}]}


def encoded(encode: Encode, body: dict[str, Any], output_limit: int | None = None) -> dict[str, Any]:
    before = json.dumps(body)
    out = encode(
        body,
        facts=FACTS,
        upstream_model="gemini-9",
        stream=False,
        output_limit=output_limit,
        quirks=NO_QUIRKS,
    )
    assert json.dumps(body) == before, "the caller's body is not touched"
    read: dict[str, Any] = json.loads(out)
    return read


@pytest.mark.parametrize(
    ("more", "output_limit", "rest"),
    [
        ({}, None, {}),
        ({"xUnknown": [1.5]}, None, {"xUnknown": [1.5]}),
        ({"model": "models/nuri-x1"}, None, {"model": "models/gemini-9"}),
        ({}, 7, {"generationConfig": {"maxOutputTokens": 7}}),
        ({"generationConfig": None}, 7, {"generationConfig": {"maxOutputTokens": 7}}),
        (
            {"generationConfig": {"topK": 3}},
            7,
            {"generationConfig": {"topK": 3, "maxOutputTokens": 7}},
        ),
        ({"generationConfig": {"maxOutputTokens": 5}}, 7, {"generationConfig": {"maxOutputTokens": 5}}),
        ({"generationConfig": {"maxOutputTokens": 50}}, 7, {"generationConfig": {"maxOutputTokens": 7}}),
        (
            {"generation_config": {"max_output_tokens": 50}},
            7,
            {"generation_config": {"max_output_tokens": 7}},
        ),
        (
            {"generationConfig": {"maxOutputTokens": 50, "max_output_tokens": 5}},
            7,
            {"generationConfig": {"maxOutputTokens": 7, "max_output_tokens": 5}},
        ),
        (
            {"generationConfig": {"maxOutputTokens": 5}, "generation_config": {"topK": 3}},
            7,
            {
                "generationConfig": {"maxOutputTokens": 5},
                "generation_config": {"topK": 3, "maxOutputTokens": 7},
            },
        ),
    ],
)
def test_the_body_for_the_vendor(more: dict[str, Any], output_limit: int | None, rest: Any) -> None:
    assert encoded(encode_generate, {**HI, **more}, output_limit) == {**HI, **rest}


def test_each_request_of_a_batch_names_the_vendors_model() -> None:
    one = {"content": {"parts": [{"text": "a"}]}, "taskType": "X"}
    body = {"model": "models/nuri-x1", "requests": [{**one, "model": "models/nuri-x1"}, one]}
    named = {**one, "model": "models/gemini-9"}
    assert encoded(encode_embed, body) == {"model": "models/gemini-9", "requests": [named, named]}
    assert encoded(encode_embed, {"requests": one}) == {"requests": [named]}
    assert encoded(encode_embed, one) == one


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_a_request_to_count_names_the_vendors_model(name: str) -> None:
    named = {**HI, "model": "models/gemini-9"}
    assert encoded(encode_count, {name: {**HI, "model": "models/nuri-x1"}}) == {name: named}
    assert encoded(encode_count, {name: 3}) == {name: 3}
    assert encoded(encode_count, HI) == HI


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-9", "/v1beta/models/gemini-9:v"),
        ("tunedModels/a b", "/v1beta/tunedModels/a%20b:v"),
        ("a?b", "/v1beta/models/a%3Fb:v"),
    ],
)
def test_paths(model: str, path: str) -> None:
    assert path_of(model, "v") == path


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"a": deep}
    with pytest.raises(BadRequest):
        encoded(encode_generate, {**HI, "x": deep})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_READ_OR_SET = {"model", "requests", "generationConfig", "generation_config"}


@given(st.dictionaries(st.text().filter(lambda name: name not in _READ_OR_SET), _JSON, max_size=5))
def test_unknown_fields_pass_through_untouched(fields: dict[str, Any]) -> None:
    """Around the body and in its configuration, also where the limit is lowered."""
    config = {name: value for name, value in fields.items() if not name.lower().startswith("max")}
    body = {**fields, "generationConfig": config}
    assert encoded(encode_generate, body) == body
    limited = {**body, "generationConfig": {**config, "maxOutputTokens": 9}}
    assert encoded(encode_generate, body, 9) == limited
    assert encoded(encode_embed, body) == body
    counted = {name: value for name, value in body.items() if not name.startswith("generateC")}
    assert encoded(encode_count, counted) == counted
