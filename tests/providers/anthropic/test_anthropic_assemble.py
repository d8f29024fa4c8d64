"""Events put together are the message the vendor would have given whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metering.usage import Usage
from providers.anthropic.assemble import Assembler
from tests.providers.anthropic.talk import STOP, TALK, TOOL_CALL, begin, delta, end, event_of, finish, start


def fed(*events: dict[str, Any]) -> Assembler:
    assembler = Assembler("nuri-x1")
    for event in events:
        assembler.feed(event_of(event))
    return assembler


def whole(assembler: Assembler, usage: Usage | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(assembler.answer(usage))
    return answer


def block(kind: dict[str, Any], *deltas: dict[str, Any]) -> dict[str, Any]:
    """One block, from how it began and what was added."""
    (found,) = whole(fed(start(), begin(0, kind), *deltas, end(0)))["content"]
    assert type(found) is dict
    return found


def test_a_whole_message() -> None:
    assert whole(fed(*TALK)) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "nuri-x1",
        "content": [
            {"type": "thinking", "thinking": '생각 of "it"', "signature": "c2ln"},
            {"type": "text", "text": "안녕, hello\n"},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 7},
    }


def test_arguments_of_tools_are_joined() -> None:
    (call,) = whole(fed(*TOOL_CALL))["content"]
    assert call == {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "weather",
        "input": {"city": "서울", "days": 2},
    }


TOOL = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}


@pytest.mark.parametrize(
    ("said", "given"),
    [
        (["", '{"a":', " 12345678901234567890123}"], {"a": 12345678901234567890123}),
        (["[" * 300, "]" * 300], json.loads("[" * 300 + "]" * 300)),
        ([""], {}),
        ([], {}),
        (['{"a": "cut'], {}),
    ],
)
def test_arguments_stay_as_the_model_wrote_them(said: list[str], given: Any) -> None:
    deltas = [delta(0, "input_json_delta", partial_json=text) for text in said]
    assert block(TOOL, *deltas) == {**TOOL, "input": given}


def test_citations_are_listed() -> None:
    cited = [delta(0, "citations_delta", citation={"cited_text": text}) for text in "ab"]
    for kind in ({"type": "text", "text": ""}, {"type": "text", "text": "", "citations": []}):
        found = block(kind, cited[0], delta(0, "text_delta", text="x"), cited[1])
        assert found == {"type": "text", "text": "x", "citations": [{"cited_text": "a"}, {"cited_text": "b"}]}


def test_blocks_that_come_whole_stay_whole() -> None:
    for kind in (
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]},
        {"type": "of_a_later_year", "x": {"y": [1]}},
    ):
        assert block(kind) == kind


def test_what_is_nested_too_deeply_to_be_written_is_left_out() -> None:
    blocks = []
    for levels in range(240, 260):
        deep: list[Any] = []
        for _ in range(levels):
            deep = [deep]
        assembler = fed(start(), begin(0, {"type": "x", "y": deep}), begin(1, {"type": "text", "text": "a"}))
        content = whole(assembler)["content"]
        assert content[-1] == {"type": "text", "text": "a"}
        blocks.append(len(content))
    assert (blocks[0], blocks[-1]) == (2, 1)


def test_deltas_of_a_later_year_are_kept() -> None:
    found = block(
        {"type": "new", "words": "a", "count": 1, "items": [1], "kept": "x"},
        delta(0, "new_delta", words="b", count=2, items=[2], kept=None, fresh={"z": 1}),
        delta(0, "compaction_delta", content=None, encrypted_content="e1"),
        delta(0, "compaction_delta", content="so far", encrypted_content="e2"),
    )
    assert found == {
        "type": "new",
        "words": "ab",
        "count": 2,
        "items": [1, 2],
        "kept": "x",
        "fresh": {"z": 1},
        "content": "so far",
        "encrypted_content": "e2",
    }


def test_what_the_last_event_says_of_the_message_is_kept() -> None:
    ending = finish("stop_sequence", stop_sequence="END", container={"id": "c"})
    message = whole(fed(start(), {**ending, "context_management": {"applied_edits": []}}, STOP))
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
    assert (message["container"], message["context_management"]) == ({"id": "c"}, {"applied_edits": []})


def test_the_vendors_usage_is_kept_as_it_is_and_ours_stands_in_for_none() -> None:
    first = {"input_tokens": 9, "output_tokens": 1, "service_tier": "standard"}
    said = fed(start(first), finish("end_turn", {"input_tokens": 12, "output_tokens": 7, "later": {"x": 1}}))
    assert whole(said, Usage(input=1))["usage"] == {
        "input_tokens": 12,
        "output_tokens": 7,
        "service_tier": "standard",
        "later": {"x": 1},
    }
    cut = fed(*TALK[:5])
    assert json.loads(cut.graceful_end(Usage(input=4, output=2)))["usage"] == {
        "input_tokens": 4,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 2,
    }


def test_graceful_end_is_by_length_unless_the_vendor_said_why() -> None:
    for count, reason in [(0, "max_tokens"), (5, "max_tokens"), (len(TALK), "end_turn")]:
        message = json.loads(fed(*TALK[:count]).graceful_end(Usage(input=1)))
        assert (message["stop_reason"], message["model"], message["role"]) == (reason, "nuri-x1", "assistant")
    assert len(message["content"]) == 2


def test_what_follows_the_end_changes_nothing() -> None:
    said = fed(*TALK)
    before = whole(said)
    for event in (start(), begin(0, {"type": "text", "text": "x"}), delta(1, "text_delta", text="y")):
        said.feed(event_of(event))
    assert whole(said) == before
