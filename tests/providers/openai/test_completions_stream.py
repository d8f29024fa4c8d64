"""Streams and answers of the old text completions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metering.usage import Usage
from providers.openai.answer import read_answer
from providers.openai.completions_stream import CompletionAssembler, CompletionFold


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
    odd = {"tokens": ["x"], "top_logprobs": [{"index": 0, "finish_reason": None}]}
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
