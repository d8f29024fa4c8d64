"""Chunks put together are the answer the vendor would have given whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metering.usage import Usage
from providers.facts import CHOICES_MAX
from providers.gemini.assemble import Assembler
from tests.fakes.gemini_recordings import event_of


def fed(*candidates: dict[str, Any], **more: Any) -> Assembler:
    assembler = Assembler("nuri-x1")
    for candidate in candidates:
        chunk = {"candidates": [candidate], "modelVersion": "v", "responseId": "r1", **more}
        assembler.feed(event_of(chunk))
    return assembler


def said(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, **more}


def whole(assembler: Assembler) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(assembler.answer())
    return answer


def parts_of(assembler: Assembler) -> list[Any]:
    parts: list[Any] = whole(assembler)["candidates"][0]["content"]["parts"]
    return parts


def test_one_answer() -> None:
    answer = whole(
        fed(
            said({"text": "안"}, safetyRatings=[1]),
            said({"text": "녕"}, finishReason="STOP", safetyRatings=[2], groundingMetadata={"a": 1}),
            createTime="t",
            usageMetadata={"promptTokenCount": 1, "candidatesTokenCount": 2, "trafficType": "X"},
        )
    )
    assert answer == {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "안녕"}]},
                "finishReason": "STOP",
                "safetyRatings": [2],
                "groundingMetadata": {"a": 1},
                "index": 0,
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "trafficType": "X"},
        "modelVersion": "nuri-x1",
        "responseId": "r1",
        "createTime": "t",
    }


CALL = {"functionCall": {"name": "f", "args": {}}}
CODE = {"executableCode": {"code": "1"}}
PICTURE = {"inlineData": {"mimeType": "image/png", "data": "AA"}}


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        ([{"text": "a"}, {"text": "b"}], [{"text": "ab"}]),
        ([{"text": "a"}, {"text": ""}, {"text": "b"}], [{"text": "ab"}]),
        (
            [{"text": "a", "thought": True}, {"text": "b", "thought": True}, {"text": "c"}, {"text": "d"}],
            [{"text": "ab", "thought": True}, {"text": "cd"}],
        ),
        ([{"text": "a"}, {"text": "b", "thought": False}], [{"text": "ab"}]),
        ([{"text": "a"}, CALL, CALL, {"text": "b"}], [{"text": "a"}, CALL, CALL, {"text": "b"}]),
        ([{"text": "a"}, CODE, PICTURE], [{"text": "a"}, CODE, PICTURE]),
        # A signature belongs to its part, and the vendor wants both back as they were.
        (
            [{"text": "a"}, {"text": "b", "thoughtSignature": "s"}, {"text": "c"}, {"text": "d"}],
            [{"text": "a"}, {"text": "b", "thoughtSignature": "s"}, {"text": "cd"}],
        ),
        ([{"text": "a"}, 3, None, {"text": "b"}], [{"text": "ab"}]),
        ([{"text": 3}, {"text": "a"}], [{"text": 3}, {"text": "a"}]),
    ],
)
def test_parts_are_joined_as_far_as_nothing_stands_between_them(parts: list[Any], joined: list[Any]) -> None:
    assert parts_of(fed(*[said(part) for part in parts])) == joined, "each in a chunk of its own"
    assert parts_of(fed(said(*parts))) == joined, "all in one"


def test_an_answer_can_be_asked_for_twice() -> None:
    assembler = fed(said({"text": "a"}), said({"text": "b"}))
    assert assembler.answer() == assembler.answer()
    assembler.feed(event_of({"candidates": [said({"text": "c"})]}))
    assert parts_of(assembler) == [{"text": "ab"}, {"text": "c"}]


def test_what_is_said_piece_by_piece_is_continued() -> None:
    answer = whole(
        fed(
            said(logprobsResult={"chosenCandidates": [1], "x": 1}, citationMetadata={"citationSources": [1]}),
            said(logprobsResult={"chosenCandidates": [2], "x": 2}, citationMetadata={"citationSources": [2]}),
        )
    )
    assert answer["candidates"][0]["logprobsResult"] == {"chosenCandidates": [1, 2], "x": 2}
    assert answer["candidates"][0]["citationMetadata"] == {"citationSources": [1, 2]}


def test_candidates_in_their_order() -> None:
    answer = whole(
        fed(
            said({"text": "b"}, index=1, finishReason="STOP"),
            said({"text": "a"}, index=0, finishReason="SAFETY"),
        )
    )
    assert [
        (c["index"], c["content"]["parts"][0]["text"], c["finishReason"]) for c in answer["candidates"]
    ] == [
        (0, "a", "SAFETY"),
        (1, "b", "STOP"),
    ]


def test_more_candidates_than_anybody_can_ask_for_are_not_kept() -> None:
    assembler = fed(*[said({"text": "a"}, index=index, finishReason="STOP") for index in range(500)])
    assert len(whole(assembler)["candidates"]) == len(assembler.seen) == len(assembler.ended) == CHOICES_MAX


def test_usage_is_the_vendors_merged_or_the_one_handed_in() -> None:
    assembler = fed(said({"text": "a"}), usageMetadata={"promptTokenCount": 1, "trafficType": "X"})
    assembler.feed(event_of({"usageMetadata": {"candidatesTokenCount": 2}}))
    assert whole(assembler)["usageMetadata"] == {
        "promptTokenCount": 1,
        "trafficType": "X",
        "candidatesTokenCount": 2,
    }
    assert json.loads(fed(said()).answer(Usage(input=3)))["usageMetadata"]["promptTokenCount"] == 3
    assert "usageMetadata" not in whole(fed(said()))


def test_graceful_end_says_length_where_nothing_was_said() -> None:
    assembler = fed(
        said({"text": "a"}),
        said({"text": "b"}, index=1, finishReason="STOP"),
        usageMetadata={"candidatesTokenCount": 99},
    )
    answer = json.loads(assembler.graceful_end(Usage(output=9)))
    assert [candidate["finishReason"] for candidate in answer["candidates"]] == ["MAX_TOKENS", "STOP"]
    assert answer["usageMetadata"]["candidatesTokenCount"] == 9, "what is charged"
    empty = json.loads(Assembler("p").graceful_end(None))
    assert empty["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_a_blocked_prompt() -> None:
    assembler = Assembler("p")
    assembler.feed(event_of({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "v"}))
    assert whole(assembler) == {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "p"}
    assert assembler.finished


def test_errors_and_noise() -> None:
    assembler = Assembler("p")
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    for event in (b": hi\n\n", b"data: {\n\n", b"data: 3\n\n", b"data: " + deep + b"\n\n"):
        assembler.feed(event)
    assert whole(assembler) == {"modelVersion": "p"}
    assembler.feed(b'{"error":{"message":"no"}}\n\n')
    assert assembler.error is not None
