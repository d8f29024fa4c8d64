"""The old text completions: what a request can cost, and what of it goes to the vendor."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.openai.completions_request import read_completion_request
from providers.openai.dialect import COMPLETIONS, OPENAI
from providers.openai.encode import encode_upstream
from providers.quirks import NO_QUIRKS, Quirks, quirks_for

HI: dict[str, Any] = {"model": "nuri-x1", "prompt": "hi"}


def read(**more: Any) -> RequestFacts:
    return read_completion_request({**HI, **more}, 1000, Spoken())


def test_the_route() -> None:
    found = OPENAI.find("/v1/completions", b"", {})
    assert found is not None
    assert (found.operation, found.operation.path("m", True)) == (COMPLETIONS, "/completions")


def test_facts() -> None:
    assert read() == RequestFacts(purpose="completion", model="nuri-x1", body_bytes=1000)
    facts = read(stream=True, stream_options={"include_usage": True}, max_tokens=5)
    assert (facts.stream, facts.include_usage, facts.output_limit) == (True, True, 5)


@pytest.mark.parametrize(
    ("prompt", "inputs"),
    [
        ("", 1),
        ("hi", 1),
        (["a", "b"], 2),
        ([1, 2, 3], 1),
        ([[1, 2], [3]], 2),
    ],
)
def test_prompts(prompt: Any, inputs: int) -> None:
    facts = read(prompt=prompt)
    assert (facts.inputs, facts.n) == (inputs, inputs)
    assert input_tokens_max(facts, context_tokens=100, input_overhead_tokens=512) == 100 * inputs


@pytest.mark.parametrize(
    ("more", "output_max"),
    [
        ({}, 400),
        ({"max_tokens": None}, 400),
        ({"max_completion_tokens": 3}, 400),
        ({"max_tokens": 16}, 16),
        ({"max_tokens": 500}, 400),
        ({"max_tokens": 0, "echo": True}, 1),
        ({"max_tokens": 16, "n": 3}, 48),
        ({"max_tokens": 16, "n": 2, "best_of": 5}, 80),
        ({"max_tokens": 16, "n": 5, "best_of": 2}, 80),
        ({"max_tokens": 16, "best_of": 5, "prompt": ["a", "b"]}, 160),
        ({"n": 2}, 800),
    ],
)
def test_output_bound(more: dict[str, Any], output_max: int) -> None:
    assert output_tokens_max(read(**more), product_max_output_tokens=400) == output_max


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": None}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": {}}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": [[1], ["a"]]}, "prompt"),
        ({"prompt": [None]}, "prompt"),
        ({"n": 0}, "n"),
        ({"best_of": 129}, "best_of"),
        ({"best_of": "2"}, "best_of"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": False}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
    ],
)
def test_what_cannot_be_metered_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(**more)
    assert refused.value.param == param


def test_what_reaches_out_takes_the_whole_context() -> None:
    assert read(plugins=[{"id": "web"}]).takes_whole_context


def upstream(
    more: dict[str, Any],
    *,
    stream: bool = False,
    output_limit: int | None = None,
    quirks: Quirks = NO_QUIRKS,
) -> dict[str, Any]:
    body = {**HI, **more}
    out: dict[str, Any] = json.loads(
        encode_upstream(
            body,
            facts=read(**more),
            upstream_model="v",
            stream=stream,
            output_limit=output_limit,
            quirks=quirks,
        )
    )
    assert (out.pop("model"), out.pop("prompt")) == ("v", "hi")
    return out


@pytest.mark.parametrize(
    ("more", "how", "rest"),
    [
        ({}, {}, {}),
        ({}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": True}, {}, {"stream": False}),
        ({}, {"output_limit": 7}, {"max_tokens": 7}),
        ({}, {"output_limit": 7, "quirks": quirks_for("openai")}, {"max_tokens": 7}),
        ({"max_tokens": 0}, {"output_limit": 7}, {"max_tokens": 0}),
        ({"max_tokens": 9}, {"output_limit": 7}, {"max_tokens": 7}),
        (
            {"max_completion_tokens": 9},
            {"output_limit": 7},
            {"max_completion_tokens": 9, "max_tokens": 7},
        ),
    ],
)
def test_the_body_for_the_vendor(more: dict[str, Any], how: dict[str, Any], rest: dict[str, Any]) -> None:
    assert upstream(more, **how) == rest


NAMES = st.sampled_from(["suffix", "echo", "logprobs", "logit_bias", "stop", "seed", "x"])
VALUES = st.sampled_from([None, True, 0, 1.5, "", "값", [], [1, {"a": None}], {}, {"50256": -100}])


@given(st.dictionaries(NAMES, VALUES), st.sampled_from([None, 7]))
def test_unknown_fields_pass_through(more: dict[str, Any], output_limit: int | None) -> None:
    out = upstream(more, output_limit=output_limit)
    assert {name: value for name, value in out.items() if name != "max_tokens"} == more
