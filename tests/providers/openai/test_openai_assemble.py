"""Chunks put together are the answer the vendor would have given whole."""

from __future__ import annotations

import json
from typing import Any

from metering.usage import Usage
from providers.openai.assemble import Assembler


def fed(*choices: dict[str, Any], **more: Any) -> Assembler:
    assembler = Assembler("nuri-x1")
    for choice in choices:
        chunk = {
            "id": "c1",
            "created": 7,
            "model": "v",
            "object": "chat.completion.chunk",
            "choices": [choice],
        }
        assembler.feed(f"data: {json.dumps(chunk | more)}\n\n".encode())
    return assembler


def said(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, **more}


def whole(assembler: Assembler) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(assembler.answer())
    return answer


def test_texts_are_joined() -> None:
    answer = whole(
        fed(
            said({"role": "assistant", "content": ""}),
            said({"reasoning_content": "why "}),
            said({"reasoning_content": "so"}),
            said({"content": "안"}),
            said({"content": "녕", "refusal": None}),
            said({}, "stop"),
            system_fingerprint="fp",
            service_tier="default",
        )
    )
    assert answer == {
        "id": "c1",
        "object": "chat.completion",
        "created": 7,
        "model": "nuri-x1",
        "system_fingerprint": "fp",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "안녕", "reasoning_content": "why so"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
    }


def test_a_text_that_becomes_parts_and_a_text_again_is_not_lost() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    pieces = ["", [thought], [thought, {"type": "text", "text": "1"}], "44"]
    answer = whole(fed(*(said({"content": piece}) for piece in pieces), said({}, "stop")))
    ones = [{"type": "text", "text": "1"}, {"type": "text", "text": "44"}]
    assert answer["choices"][0]["message"]["content"] == [thought, thought, *ones]
    answer = whole(fed(said({"content": "1"}), said({"content": [thought]}), said({"content": "44"})))
    assert answer["choices"][0]["message"]["content"] == [ones[0], thought, ones[1]]


def test_tool_calls_are_joined_by_index() -> None:
    def call(index: int, **function: str) -> dict[str, Any]:
        return {"index": index, "function": function}

    answer = whole(
        fed(
            said({"tool_calls": [{**call(0, name="f", arguments=""), "id": "t0", "type": "function"}]}),
            said({"tool_calls": [call(0, arguments='{"a"')]}),
            said({"tool_calls": [{**call(1, name="g", arguments="{"), "id": "t1", "type": "function"}]}),
            said({"tool_calls": [call(0, arguments=":1}"), call(1, arguments="}")]}),
            said({}, "tool_calls"),
        )
    )
    message = answer["choices"][0]["message"]
    assert message["content"] is None
    assert [(c["id"], c["type"], c["function"]) for c in message["tool_calls"]] == [
        ("t0", "function", {"name": "f", "arguments": '{"a":1}'}),
        ("t1", "function", {"name": "g", "arguments": "{}"}),
    ]


def test_a_call_without_index_is_a_call_of_its_own() -> None:
    answer = whole(fed(said({"tool_calls": [{"id": "a"}]}), said({"tool_calls": [{"id": "b"}]})))
    assert [call["id"] for call in answer["choices"][0]["message"]["tool_calls"]] == ["a", "b"]


def test_function_call_logprobs_and_unknown_fields() -> None:
    answer = whole(
        fed(
            said({"function_call": {"name": "f", "arguments": "{"}}, logprobs={"content": [{"token": "a"}]}),
            said({"function_call": {"arguments": "}"}}, logprobs={"content": [{"token": "b"}]}, x="1"),
            said({"x_notes": [{"n": 1}]}, "function_call", x="2"),
            said({"x_notes": [{"n": 2}], "x_flag": True}),
        )
    )
    choice = answer["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert choice["message"]["x_notes"] == [{"n": 1}, {"n": 2}]
    assert choice["message"]["x_flag"] is True
    assert [item["token"] for item in choice["logprobs"]["content"]] == ["a", "b"]
    assert (choice["x"], choice["finish_reason"]) == ("2", "function_call")


def test_choices_in_their_order() -> None:
    answer = whole(fed(said({"content": "b"}, "stop", 1), said({"content": "a"}, "stop", 0)))
    assert [(c["index"], c["message"]["content"]) for c in answer["choices"]] == [(0, "a"), (1, "b")]


def test_usage_is_the_vendors_or_the_one_handed_in() -> None:
    reported = {"prompt_tokens": 1, "completion_tokens": 2, "x": 1}
    assert whole(fed(said({}), usage=reported))["usage"] == reported
    assert json.loads(fed(said({})).answer(Usage(input=3)))["usage"]["prompt_tokens"] == 3
    assert "usage" not in whole(fed(said({})))


def test_graceful_end_says_length_where_nothing_was_said() -> None:
    assembler = fed(said({"content": "a"}), said({"content": "b"}, "stop", 1))
    choices = json.loads(assembler.graceful_end(Usage()))["choices"]
    assert [choice["finish_reason"] for choice in choices] == ["length", "stop"]
    empty = json.loads(Assembler("p").graceful_end(None))
    assert empty["choices"][0]["finish_reason"] == "length"


def test_done_errors_and_noise() -> None:
    assembler = Assembler("p")
    for event in (b": hi\n\n", b"data: {\n\n", b"data: 3\n\n", b'data: {"error":{"message":"no"}}\n\n'):
        assembler.feed(event)
    assert assembler.error is not None
    assembler.feed(b"data: [DONE]\n\n")
    assert assembler.done
