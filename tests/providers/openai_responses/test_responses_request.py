"""What a request of the Responses API is, what it can cost at most, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from providers.facts import IMAGE_TOKENS_MIN, BadRequest, RequestFacts, Spoken
from providers.openai_responses.request import SEARCHES_MAX, read_responses_request

HI = {"model": "nuri-x1", "input": "hi"}
PIXEL = "data:image/png;base64,AAAA"


def facts(**more: Any) -> RequestFacts:
    return read_responses_request({**HI, **more}, 1000, Spoken())


def with_part(part: Any) -> RequestFacts:
    return facts(input=[{"role": "user", "content": [{"type": "input_text", "text": "see"}, part]}])


def test_facts_of_a_plain_request() -> None:
    assert facts() == RequestFacts(purpose="chat", model="nuri-x1", body_bytes=1000)


def test_facts_of_a_stream_with_a_limit() -> None:
    found = facts(stream=True, max_output_tokens=77, instructions="be brief")
    assert (found.stream, found.output_limit, found.takes_whole_context) == (True, 77, False)


NULLS = {
    name: None for name in ("store", "background", "previous_response_id", "conversation", "prompt", "tools")
}


@pytest.mark.parametrize("more", [NULLS, {"store": False, "background": False}])
def test_what_is_not_asked_for_is_not_refused(more: dict[str, Any]) -> None:
    assert facts(**more) == facts()


@pytest.mark.parametrize(
    ("more", "stores", "background"),
    [
        ({"store": True}, True, False),
        ({"background": True}, True, True),
        ({"background": True, "store": False}, True, True),
        ({"background": True, "stream": True}, True, True),
    ],
)
def test_what_the_vendor_keeps(more: dict[str, Any], stores: bool, background: bool) -> None:
    """What goes on in the background has an id that is asked for, kept for long or not."""
    found = facts(**more)
    assert (found.stores, found.background, found.takes_whole_context) == (stores, background, False)


def test_what_is_gone_on_from_is_no_part_of_the_body() -> None:
    found = facts(previous_response_id="resp_1")
    assert (found.follows, found.takes_whole_context, found.stores) == ("resp_1", True, False)


@pytest.mark.parametrize(
    ("more", "param", "instead"),
    [
        ({"conversation": "conv_1"}, "conversation", "send its items"),
        ({"conversation": {"id": "conv_1"}}, "conversation", "`previous_response_id`"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "`instructions`"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input", "send the item itself"),
        ({"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, "tools", '{"type": "auto"}'),
        (
            {"tools": [{"type": "shell", "environment": {"type": "x", "container_id": "cntr_1"}}]},
            "tools",
            '{"type": "auto"}',
        ),
        (
            {"tools": [{"type": "x", "environment": {"deep": [{"container_id": "cntr_1"}]}}]},
            "tools",
            '{"type": "auto"}',
        ),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools", "in `input`"),
        ({"tools": [{"type": "file_search", "vector_store_ids": "vs_1"}]}, "tools", "in `input`"),
        (
            {"tools": [{"type": "shell", "environment": {"skills": [{"skill_id": "skill_1"}]}}]},
            "tools",
            "`instructions`",
        ),
        (
            {"input": [{"type": "additional_tools", "tools": [{"type": "x", "container_id": "cntr_1"}]}]},
            "tools",
            '{"type": "auto"}',
        ),
    ],
)
def test_what_the_vendor_stores_is_refused(more: dict[str, Any], param: str, instead: str) -> None:
    with pytest.raises(BadRequest) as refused:
        facts(**more)
    assert refused.value.param == param
    assert instead in refused.value.message_en
    assert refused.value.message_en.startswith(f"`{param}` ")
    assert refused.value.message_ko.startswith(f"`{param}`")
    assert refused.value.message_ko.endswith("주세요.")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"model": ""}, "model"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": {}}, "input"),
        ({"input": ["hi"]}, "input"),
        ({"input": [{"role": "user", "content": 3}]}, "input"),
        ({"input": [{"role": "user", "content": ["hi"]}]}, "input"),
        ({"input": [{"type": "function_call_output", "output": 3}]}, "input"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"max_output_tokens": 10**12}, "max_output_tokens"),
        ({"max_tool_calls": 0}, "max_tool_calls"),
        ({"max_tool_calls": True}, "max_tool_calls"),
        ({"stream": 1}, "stream"),
        ({"store": "no"}, "store"),
        ({"background": 1}, "background"),
        ({"previous_response_id": 3}, "previous_response_id"),
        ({"previous_response_id": ["resp_1"]}, "previous_response_id"),
        ({"tools": {}}, "tools"),
        ({"input": [{"type": "additional_tools", "tools": 3}]}, "tools"),
    ],
)
def test_what_cannot_be_metered_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        facts(**more)
    assert refused.value.param == param
    assert param in refused.value.message_en
    assert param in refused.value.message_ko


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": "hi"},
        {"role": "user"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAAB"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "18 degrees"},
        {"type": "function_call_output", "output": [{"type": "input_text", "text": "18"}]},
        {"type": "custom_tool_call_output", "output": "x"},
        {"type": "shell_call_output", "output": [{"stdout": "x"}]},
    ],
)
def test_items_in_the_body_are_bound_by_their_bytes(item: dict[str, Any]) -> None:
    found = facts(input=[item])
    assert (found.takes_whole_context, found.parts) == (False, 0)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "image_generation_call", "id": "ig_1"},
        {"type": "code_interpreter_call", "container_id": "cntr_1"},
        {"type": "compaction", "encrypted_content": "gAAAAAB"},
        {"type": "of a later year"},
        {"type": 3},
        {"type": ["message"]},
    ],
)
def test_items_that_stand_for_more_take_the_whole_context(item: dict[str, Any]) -> None:
    assert facts(input=[item]).takes_whole_context


def test_a_small_picture_costs_more_than_its_bytes_a_large_one_does_not() -> None:
    small = with_part({"type": "input_image", "image_url": PIXEL})
    assert small.image_allowance_tokens == IMAGE_TOKENS_MIN - len(PIXEL)
    assert (small.parts, small.takes_whole_context) == (1, False)
    assert (
        with_part({"type": "input_image", "image_url": "DATA:," + "A" * 20_000}).image_allowance_tokens == 0
    )


def test_pictures_that_a_tool_returned_are_pictures() -> None:
    part = {"type": "input_image", "image_url": PIXEL}
    screenshot = {"type": "computer_screenshot", "image_url": PIXEL}
    items = [
        {"type": "function_call_output", "output": [part]},
        {"type": "computer_call_output", "output": screenshot},
    ]
    found = facts(input=items)
    assert (found.parts, found.takes_whole_context) == (2, False)
    assert found.image_allowance_tokens == 2 * (IMAGE_TOKENS_MIN - len(PIXEL))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": "https://example.org/cat.png"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_image", "file_id": "file-1", "image_url": PIXEL},
        {"type": "input_image"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA"},
        {"type": "input_audio", "input_audio": {"data": "https://example.org/a.mp3"}},
        {"type": "input_audio"},
        {"type": "of a later year"},
        {"type": []},
        {},
    ],
)
def test_what_the_body_only_names_or_packs_takes_the_whole_context(part: dict[str, Any]) -> None:
    assert with_part(part).takes_whole_context


def test_sound_in_the_body_is_bound_by_its_bytes() -> None:
    found = with_part({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
    assert (found.takes_whole_context, found.parts) == (False, 1)


@pytest.mark.parametrize("kind", ["function", "custom"])
def test_tools_of_the_callers_cost_a_little_beyond_their_bytes(kind: str) -> None:
    found = facts(tools=[{"type": kind, "name": "f"}] * 3)
    assert (found.parts, found.takes_whole_context, found.searches_max) == (3, False, 0)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "file_search", "vector_store_ids": []},
        {"type": "shell", "environment": {"type": "container_auto", "container_id": None}},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "computer_use_preview"},
        {"type": "image_generation"},
        {"type": "mcp", "server_url": "https://example.org"},
        {"type": "of a later year"},
        {"type": 3},
        {},
        "web_search",
    ],
)
def test_tools_that_reach_out_take_the_whole_context(tool: Any) -> None:
    found = facts(tools=[tool])
    assert (found.takes_whole_context, found.searches_max) == (True, 0)


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26", "x_search"])
@pytest.mark.parametrize(("most", "searches"), [(None, SEARCHES_MAX), (3, 3)])
def test_searches_are_bound_by_the_limit_of_tool_calls(kind: str, most: int | None, searches: int) -> None:
    for asked in (
        {"tools": [{"type": "function"}, {"type": kind}]},
        {"input": [{"type": "additional_tools", "tools": [{"type": kind}]}]},
    ):
        found = facts(**asked, max_tool_calls=most)
        assert (found.takes_whole_context, found.searches_max) == (True, searches)


@pytest.mark.parametrize(
    "more", [{"plugins": [{"id": "web"}]}, {"search_parameters": {}}, {"instructions": [{"role": "system"}]}]
)
def test_other_fields_that_reach_out(more: dict[str, Any]) -> None:
    assert facts(**more).takes_whole_context
