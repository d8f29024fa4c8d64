"""The old text completions: what a request can cost, and what is made of a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import BadRequest, RequestFacts, Spoken
from providers.openai.answer import read_answer
from providers.openai.completions_request import read_completion_request
from providers.openai.completions_stream import CompletionAssembler, CompletionFold
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


def chunk(*choices: dict[str, Any], spaced: bool = False, **more: Any) -> bytes:
    said = {"id": "cmpl-1", "object": "text_completion", "created": 7, "model": "v", "choices": list(choices)}
    separators = (", ", ": ") if spaced else (",", ":")
    data = json.dumps(said | more, ensure_ascii=False, separators=separators)
    return f"data: {data}\n\n".encode()


def choice(text: Any, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish, **more}


def parsed(frames: bytes) -> list[dict[str, Any]]:
    return [json.loads(frame[6:]) for frame in frames.split(b"\n\n") if frame]


PLAIN = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


@pytest.mark.parametrize("spaced", [True, False])
def test_a_stream(spaced: bool) -> None:
    fold = CompletionFold("p", False)
    events = [chunk(choice(text), spaced=spaced) for text in ("안", "녕", ' "a\\', "", "b")]
    events += [chunk(choice("", "stop"), spaced=spaced), chunk(usage=PLAIN), b"data: [DONE]\n\n"]
    chunks = parsed(b"".join(map(fold.feed, events)))
    assert "".join(c["choices"][0]["text"] for c in chunks) == '안녕 "a\\b'
    assert {c["model"] for c in chunks} == {"p"}
    assert all("usage" not in c for c in chunks)
    assert (fold.usage, fold.finished, fold.done, fold.upstream_id) == (
        Usage(9, output=4),
        True,
        True,
        "cmpl-1",
    )
    assert fold.deltas == 4
    assert len('안녕 "a\\b'.encode()) <= fold.text_bytes <= len('안녕 "a\\b'.encode()) + 2


def test_no_usage_is_none() -> None:
    fold = CompletionFold("p", True)
    fold.feed(chunk(choice("a"), usage=None))
    assert fold.usage is None
    assert fold.delivered_tokens() == 1


def test_keys_among_log_probabilities_mean_nothing() -> None:
    fold = CompletionFold("p", False)
    fold.feed(chunk(choice("a")))
    odd = {"tokens": ["x"], "top_logprobs": [{"index": 0, "usage": -1.5, "finish_reason": None}]}
    fold.feed(chunk(choice("x", index=1, logprobs=odd)))
    assert (fold.seen_choices, fold.usage, fold.finished) == ({0, 1}, None, False)


def test_graceful_end() -> None:
    fold = CompletionFold("p", True)
    for event in (chunk(choice("a")), chunk(choice("b", index=1)), chunk(choice("", "stop", 1))):
        fold.feed(event)
    end, counted = parsed(fold.graceful_end(Usage(input=5, output=3)))
    assert end == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 7,
        "model": "p",
        "choices": [{"index": 0, "text": "", "logprobs": None, "finish_reason": "length"}],
        "usage": None,
    }
    assert (counted["choices"], counted["usage"]["total_tokens"]) == ([], 8)
    (alone,) = parsed(CompletionFold("p", False).graceful_end(None))
    assert (alone["id"], alone["choices"][0]["finish_reason"]) == ("cmpl-ended", "length")


def test_assembled() -> None:
    assembler = CompletionAssembler("p")
    first = {"tokens": ["a"], "text_offset": [0], "top_logprobs": [{"a": -1}]}
    then = {"tokens": ["b"], "text_offset": [1], "top_logprobs": [{"b": -2}]}
    for event in (
        chunk(choice("a", logprobs=first)),
        chunk(choice("x", index=1)),
        chunk(choice("b", logprobs=then)),
        chunk(choice("", "stop", content_filter_results={})),
        chunk(usage=PLAIN),
    ):
        assembler.feed(event)
    assert json.loads(assembler.graceful_end(None)) == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 7,
        "model": "p",
        "choices": [
            {
                "index": 0,
                "text": "ab",
                "logprobs": {
                    "tokens": ["a", "b"],
                    "text_offset": [0, 1],
                    "top_logprobs": [{"a": -1}, {"b": -2}],
                },
                "finish_reason": "stop",
                "content_filter_results": {},
            },
            {"index": 1, "text": "x", "logprobs": None, "finish_reason": "length"},
        ],
        "usage": PLAIN,
    }
    assert assembler.delivered_tokens() == 3
    assert json.loads(CompletionAssembler("p").graceful_end(None))["choices"][0]["finish_reason"] == "length"


def test_an_answers_text() -> None:
    body = json.dumps({"model": "v", "choices": [{"text": "값"}, {"text": 3}, {"text": "a"}]}).encode()
    assert read_answer(body, product_id="p").text_bytes == 4
