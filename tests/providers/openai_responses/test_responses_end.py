"""A response that the gateway ends: what is open is said to be over, and the whole once more, by length."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metering.usage import Usage
from providers.openai_responses.snapshot import KEPT_BYTES_MAX
from providers.openai_responses.stream import ResponseFold
from tests.providers.openai_responses.events import RESPONSE, Vendor
from tests.providers.openai_responses.recorded import assemble, parsed, put_through

SPENT = Usage(input=7, cached_input=2, output=3, reasoning=1)
SHOWN = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 12,
}
CUT = {**RESPONSE, "model": "nuri-x1", "status": "incomplete", "usage": SHOWN} | {
    "incomplete_details": {"reason": "max_output_tokens"}
}
MESSAGE = {"id": "msg_0", "type": "message", "status": "incomplete", "role": "assistant"}


def ended(*events: bytes, usage: Usage | None = SPENT) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(our events before the comment, the one after it); and a whole answer is the same."""
    fold = ResponseFold("nuri-x1")
    put_through(fold, events)
    before = fold.graceful_end(usage)
    [terminal] = parsed(fold.terminal())
    whole = json.loads(assemble("nuri-x1", events).graceful_end(usage))
    assert whole == terminal["response"]
    return parsed(before), terminal


def test_an_open_text() -> None:
    vendor = Vendor()
    events = (vendor.created(), vendor.message(), vendor.text("안"), vendor.text("녕"))
    before, terminal = ended(*events)
    part = {"type": "output_text", "text": "안녕", "annotations": []}
    item = {**MESSAGE, "content": [part]}
    at = {"item_id": "msg_0", "output_index": 0, "content_index": 0}
    assert before == [
        {"type": "response.output_text.done", "sequence_number": 6, **at, "text": "안녕", "logprobs": []},
        {"type": "response.content_part.done", "sequence_number": 7, **at, "part": part},
        {"type": "response.output_item.done", "sequence_number": 8, "output_index": 0, "item": item},
    ]
    assert terminal == {
        "type": "response.incomplete",
        "sequence_number": 9,
        "response": {**CUT, "output": [item]},
    }


def test_a_refusal() -> None:
    vendor = Vendor()
    part = {"type": "refusal", "refusal": ""}
    at = {"output_index": 0, "content_index": 0, "item_id": "msg_0"}
    added = vendor.event("response.output_item.added", output_index=0, item={"id": "msg_0"})
    begun = vendor.event("response.content_part.added", **at, part=part)
    before, _ = ended(vendor.created(), added, begun, vendor.text("No", kind="refusal"))
    assert [event["type"] for event in before] == [
        "response.refusal.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    assert before[0]["refusal"] == "No"
    assert before[2]["item"] == {"id": "msg_0", "content": [{"type": "refusal", "refusal": "No"}]}


def test_arguments_that_were_cut_are_not_said_to_be_ready() -> None:
    vendor = Vendor()
    before, terminal = ended(vendor.created(), vendor.call(0), vendor.arguments('{"city', 0))
    [done] = before
    assert done["type"] == "response.output_item.done"
    assert (done["item"]["status"], done["item"]["arguments"]) == ("incomplete", '{"city')
    assert terminal["response"]["output"] == [done["item"]]


def test_reasoning() -> None:
    vendor = Vendor()
    item = {"id": "rs_0", "type": "reasoning", "summary": []}
    at = {"item_id": "rs_0", "output_index": 0, "summary_index": 0}
    events = [
        vendor.created(),
        vendor.event("response.output_item.added", output_index=0, item=item),
        vendor.event(
            "response.reasoning_summary_part.added", **at, part={"type": "summary_text", "text": ""}
        ),
        vendor.event("response.reasoning_summary_text.delta", **at, delta="Let me "),
        vendor.event("response.reasoning_summary_text.delta", **at, delta="see"),
    ]
    before, terminal = ended(*events)
    part = {"type": "summary_text", "text": "Let me see"}
    assert [event["type"] for event in before] == [
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
    ]
    assert (before[0]["text"], before[1]["part"], before[1]["summary_index"]) == ("Let me see", part, 0)
    assert terminal["response"]["output"] == [{**item, "summary": [part]}]


def test_what_is_over_is_not_said_again() -> None:
    vendor = Vendor()
    done = {"id": "rs_0", "type": "reasoning", "summary": []}
    at = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    part = {"type": "output_text", "text": "abc", "annotations": []}
    events = [
        vendor.created(),
        vendor.event("response.output_item.added", output_index=0, item=done),
        vendor.event("response.output_item.done", output_index=0, item=done),
        vendor.message(1),
        vendor.text("abc", 1),
        vendor.event("response.output_text.done", **at, text="abc"),
    ]
    before, terminal = ended(*events)
    assert [event["type"].removeprefix("response.") for event in before] == [
        "content_part.done",
        "output_item.done",
    ]
    item = {**MESSAGE, "id": "msg_1", "content": [part]}
    assert terminal["response"]["output"] == [done, item]
    before, terminal = ended(*events, vendor.event("response.content_part.done", **at, part=part))
    assert [event["type"].removeprefix("response.") for event in before] == ["output_item.done"]
    assert terminal["response"]["output"] == [done, item]


def test_a_text_that_was_said_whole_is_not_said_twice() -> None:
    vendor = Vendor()
    at = {"item_id": "msg_0", "output_index": 0, "content_index": 0}
    events = [
        vendor.created(),
        vendor.event("response.output_item.added", output_index=0, item={"id": "msg_0"}),
        vendor.event("response.content_part.added", **at, part={"type": "output_text", "text": "ab"}),
        vendor.text("c"),
    ]
    assert ended(*events)[1]["response"]["output"][0]["content"][0]["text"] == "abc"
    events.append(vendor.event("response.output_text.done", **at, text="abc"))
    assert ended(*events)[1]["response"]["output"][0]["content"][0]["text"] == "abc"


def test_an_item_that_begins_with_parts() -> None:
    vendor = Vendor()
    part = {"type": "output_text", "text": "a"}
    item = {"id": "msg_0", "content": [part, 3]}
    added = vendor.event("response.output_item.added", output_index=0, item=item)
    _, terminal = ended(vendor.created(), added, vendor.text("b"))
    assert terminal["response"]["output"] == [{"id": "msg_0", "content": [{**part, "text": "ab"}]}]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("content_part.added", {"content_index": "0", "part": {"text": "x"}}),
        ("content_part.added", {"content_index": 0, "part": "x"}),
        ("output_text.done", {"content_index": None, "text": "x"}),
        ("output_text.done", {"content_index": 0, "text": 3}),
        ("output_text.annotation.added", {"content_index": [], "annotation": 1}),
        ("output_text.annotation.added", {"content_index": 7, "annotation": 1}),
        ("output_item.done", {"item": 3}),
        ("of_a_later_year.done", {}),
    ],
)
def test_what_says_nothing_changes_nothing(kind: str, fields: dict[str, Any]) -> None:
    vendor = Vendor()
    begun = [vendor.created(), vendor.message(), vendor.text("a")]
    said = vendor.event(f"response.{kind}", output_index=0, **fields)
    assert ended(*begun, said)[1]["response"] == ended(*begun)[1]["response"]


def test_a_text_said_whole_of_a_part_that_was_not_announced() -> None:
    vendor = Vendor()
    added = vendor.event("response.output_item.added", output_index=0, item={"id": "msg_0"})
    done = vendor.event("response.output_text.done", output_index=0, content_index=0, text="ab")
    _, terminal = ended(vendor.created(), added, done)
    assert terminal["response"]["output"][0]["content"] == [{"type": "output_text", "text": "ab"}]


def test_annotations_are_kept() -> None:
    vendor = Vendor()
    at = {"item_id": "msg_0", "output_index": 0, "content_index": 0}
    found = [{"type": "url_citation", "url": f"https://example.org/{count}"} for count in range(2)]
    added = [
        vendor.event("response.output_text.annotation.added", **at, annotation=one, annotation_index=index)
        for index, one in enumerate(found)
    ]
    item = vendor.event("response.output_item.added", output_index=0, item={"id": "msg_0"})
    for part in ({"type": "output_text", "text": "", "annotations": []}, {"type": "output_text"}):
        begun = vendor.event("response.content_part.added", **at, part=part)
        _, terminal = ended(vendor.created(), item, begun, vendor.text("a"), *added)
        assert terminal["response"]["output"][0]["content"][0]["annotations"] == found


def test_texts_of_a_part_that_was_not_announced() -> None:
    vendor = Vendor()
    item = {"id": "msg_0", "type": "message", "content": []}
    added = vendor.event("response.output_item.added", output_index=0, item=item)
    before, terminal = ended(vendor.created(), added, vendor.text("ab"))
    assert terminal["response"]["output"][0]["content"] == [{"type": "output_text", "text": "ab"}]
    assert before[0]["text"] == "ab"


def test_before_the_first_event() -> None:
    before, terminal = ended(usage=None)
    assert [event["type"] for event in before] == ["response.created"]
    assert before[0]["response"]["status"] == "in_progress"
    assert (before[0]["sequence_number"], terminal["sequence_number"]) == (0, 1)
    assert terminal["response"]["id"] == before[0]["response"]["id"]
    assert (terminal["response"]["output"], terminal["response"]["usage"]) == ([], None)


def test_of_a_long_response_only_what_is_short_is_kept() -> None:
    vendor = Vendor()
    long = {**RESPONSE, "instructions": "x" * 40_000, "tools": [{"type": "function"}], "user": "u"}
    _, terminal = ended(vendor.event("response.created", response=long), vendor.message())
    kept = terminal["response"]
    assert (kept["id"], kept["user"], kept["instructions"], kept["tools"]) == ("resp_1", "u", None, [])


def test_the_vendors_own_end_stays() -> None:
    vendor = Vendor()
    fold = ResponseFold("nuri-x1")
    put_through(fold, [vendor.created(), vendor.message(), vendor.end()])
    terminal = fold.terminal()
    assert fold.graceful_end(SPENT) == b""
    assert fold.terminal() == terminal
    whole = assemble("nuri-x1", [vendor.created(), vendor.end()]).graceful_end(SPENT)
    assert json.loads(whole)["status"] == "completed"


def test_no_more_is_kept_than_so_much() -> None:
    vendor = Vendor()
    big = vendor.text("x" * (KEPT_BYTES_MAX // 4))
    _, terminal = ended(vendor.created(), vendor.message(), *[big] * 5)
    text = terminal["response"]["output"][0]["content"][0]["text"]
    assert KEPT_BYTES_MAX // 2 <= len(text) <= KEPT_BYTES_MAX


@pytest.mark.parametrize("status", ["failed", "completed"])
def test_a_terminal_is_given_once_only(status: str) -> None:
    vendor = Vendor()
    fold = ResponseFold("p")
    put_through(fold, [vendor.created(), vendor.end(status)])
    assert len(parsed(fold.terminal())) == (status == "completed")
