"""What goes to the vendor: the caller's body, but for what the gateway must change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.anthropic.dialect import ANTHROPIC, COUNT_TOKENS, MESSAGES
from providers.facts import BadRequest, Spoken
from providers.quirks import NO_QUIRKS

HI: dict[str, Any] = {
    "model": "nuri-x1",
    "max_tokens": 5000,
    "messages": [{"role": "user", "content": "hi"}],
}


def upstream(
    more: dict[str, Any], *, stream: bool = False, output_limit: int | None = None
) -> dict[str, Any]:
    body = {**HI, **more}
    before = json.dumps(body)
    encoded = MESSAGES.encode(
        body,
        facts=MESSAGES.read(body, 100, Spoken()),
        upstream_model="claude-x",
        stream=stream,
        output_limit=output_limit,
        quirks=NO_QUIRKS,
    )
    assert json.dumps(body) == before, "the caller's body is not touched"
    out: dict[str, Any] = json.loads(encoded)
    assert out.pop("model") == "claude-x"
    assert out.pop("messages") == HI["messages"]
    return out


THINKING = {"type": "enabled", "budget_tokens": 4000, "display": "omitted"}


@pytest.mark.parametrize(
    ("more", "limit", "out"),
    [
        ({}, None, {"max_tokens": 5000}),
        ({}, 9000, {"max_tokens": 5000}),
        ({}, 70, {"max_tokens": 70}),
        ({"max_tokens": 0}, 70, {"max_tokens": 0}),
        ({"thinking": THINKING}, None, {"max_tokens": 5000, "thinking": THINKING}),
        ({"thinking": THINKING}, 4500, {"max_tokens": 4500, "thinking": THINKING}),
        (
            {"thinking": THINKING},
            4000,
            {"max_tokens": 4000, "thinking": {**THINKING, "budget_tokens": 2000}},
        ),
        (
            {"thinking": THINKING},
            1025,
            {"max_tokens": 1025, "thinking": {**THINKING, "budget_tokens": 1024}},
        ),
        ({"thinking": THINKING}, 1024, {"max_tokens": 1024, "thinking": {"type": "disabled"}}),
        (
            {"thinking": {"type": "adaptive"}},
            70,
            {"max_tokens": 70, "thinking": {"type": "adaptive"}},
        ),
        ({"thinking": "x"}, 70, {"max_tokens": 70, "thinking": "x"}),
    ],
)
def test_the_limit_is_only_lowered_and_thinking_fits_below_it(
    more: dict[str, Any], limit: int | None, out: dict[str, Any]
) -> None:
    assert upstream(more, output_limit=limit) == out


@pytest.mark.parametrize(
    ("more", "stream", "said"),
    [
        ({}, False, None),
        ({}, True, True),
        ({"stream": True}, True, True),
        ({"stream": True}, False, False),
        ({"stream": False}, True, True),
    ],
)
def test_streams_are_asked_for(more: dict[str, Any], stream: bool, said: bool | None) -> None:
    assert upstream(more, stream=stream).get("stream") == said


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CHANGED = {"model", "max_tokens", "messages", "stream", "system", "tools", "thinking"}


@given(st.dictionaries(st.text().filter(lambda name: name not in CHANGED), VALUES), st.booleans())
def test_every_other_field_passes_untouched(more: dict[str, Any], stream: bool) -> None:
    said = {"stream": True} if stream else {}
    assert upstream(more, stream=stream) == {**more, **said, "max_tokens": 5000}


def test_counting_changes_the_model_alone() -> None:
    body = {"model": "nuri-x1", "messages": HI["messages"], "thinking": THINKING, "later": [1]}
    encoded = COUNT_TOKENS.encode(
        body,
        facts=COUNT_TOKENS.read(body, 100, Spoken()),
        upstream_model="claude-x",
        stream=False,
        output_limit=7,
        quirks=NO_QUIRKS,
    )
    assert json.loads(encoded) == body | {"model": "claude-x"}


def test_a_body_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(BadRequest, match="fewer levels"):
        upstream({"metadata": deep})


def test_routes_and_what_the_vendor_wants_with_each_call() -> None:
    for path, operation in {"/v1/messages": MESSAGES, "/v1/messages/count_tokens": COUNT_TOKENS}.items():
        found = ANTHROPIC.find(path, b"beta=true", {})
        assert found is not None
        assert (found.operation, found.spoken, found.name) == (operation, Spoken(), path)
        assert operation.path("claude-x", True) == operation.path("claude-x", False) == path
    assert ANTHROPIC.find("/v1/messages/batches", b"", {}) is None
    assert ANTHROPIC.credential("sk-1") == ["x-api-key: sk-1"]
    assert ANTHROPIC.head_lines == ("anthropic-version: 2023-06-01",)
    assert ANTHROPIC.relayed_headers == {b"anthropic-beta"}
