"""What goes to the vendor: the caller's body, but for what the gateway must change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.facts import BadRequest, Spoken
from providers.openai_responses.encode import encode_upstream
from providers.openai_responses.request import read_responses_request

HI = {"model": "nuri-x1", "input": "hi"}


def upstream(
    more: dict[str, Any], *, stream: bool = False, output_limit: int | None = None, kept: bool = False
) -> dict[str, Any]:
    body = {**HI, **more}
    before = json.dumps(body)
    encoded = encode_upstream(
        body,
        facts=read_responses_request(body, 100, Spoken()),
        upstream_model="solar-pro4",
        stream=stream,
        output_limit=output_limit,
    )
    assert json.dumps(body) == before, "the caller's body is not touched"
    out: dict[str, Any] = json.loads(encoded)
    assert (out.pop("model"), out.pop("input"), out.pop("store")) == ("solar-pro4", "hi", kept)
    return out


@pytest.mark.parametrize(
    ("more", "how", "rest"),
    [
        ({}, {}, {}),
        ({"store": False}, {}, {}),
        ({"store": None}, {}, {}),
        ({"store": True}, {"kept": True}, {}),
        ({"background": True}, {"kept": True}, {"background": True}),
        ({"background": True, "store": None}, {"kept": True}, {"background": True}),
        ({"background": True, "store": False}, {}, {"background": True}),
        ({"previous_response_id": "resp_1"}, {}, {"previous_response_id": "resp_1"}),
        ({"stream": False}, {}, {"stream": False}),
        ({"stream": True}, {"stream": True}, {"stream": True}),
        ({}, {"stream": True}, {"stream": True}),
        ({"stream": False}, {"stream": True}, {"stream": True}),
        ({"stream_options": {"include_obfuscation": False}}, {}, {}),
        (
            {"stream": True, "stream_options": {"include_obfuscation": False}},
            {"stream": True},
            {"stream": True, "stream_options": {"include_obfuscation": False}},
        ),
        ({}, {"output_limit": 70}, {"max_output_tokens": 70}),
        ({"max_output_tokens": None}, {"output_limit": 70}, {"max_output_tokens": 70}),
        ({"max_output_tokens": 100}, {"output_limit": 70}, {"max_output_tokens": 70}),
        ({"max_output_tokens": 50}, {"output_limit": 70}, {"max_output_tokens": 50}),
        ({"max_output_tokens": 50}, {}, {"max_output_tokens": 50}),
        (
            {"include": ["reasoning.encrypted_content"]},
            {},
            {"include": ["reasoning.encrypted_content"]},
        ),
    ],
)
def test_the_body_for_the_vendor(more: dict[str, Any], how: dict[str, Any], rest: dict[str, Any]) -> None:
    assert upstream(more, **how) == rest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    unknown=st.dictionaries(st.text(min_size=1).map("x_{}".format), JSON, max_size=5), stream=st.booleans()
)
def test_unknown_fields_pass_through(unknown: dict[str, Any], stream: bool) -> None:
    assert upstream(unknown, stream=stream) == unknown | ({"stream": True} if stream else {})


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(BadRequest, match="nested too deeply"):
        upstream({"text": deep})
