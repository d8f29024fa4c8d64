"""A whole response: its usage, and its body under the product's name."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from metering.usage import TOKENS_MAX, Usage
from providers.openai_responses.answer import read_answer

COUNTS = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 5},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 29,
}


def usage_of(**more: Any) -> Usage | None:
    response = {"id": "resp_1", "object": "response", "status": "completed", "usage": COUNTS, **more}
    return read_answer(orjson.dumps(response), product_id="p").usage


@pytest.mark.parametrize(
    ("body", "model_replaced"),
    [
        (b'{"model":"v","output":[]}', b'{"model":"p","output":[]}'),
        (b'{\n "output": [],\n "model" : "v\\/1"\n}', b'{\n "output": [],\n "model" : "p"\n}'),
        (b'{"tools":[{"model":"a"}],"model":"b"}', b'{"tools":[{"model":"a"}],"model":"p"}'),
        (b'{"tools":[{"model":"a"}]}', b'{"tools":[{"model":"a"}]}'),
        (b'{"tools":[{"model":"a"}],"\\u006dodel":"b"}', b'{"tools":[{"model":"a"}],"model":"p"}'),
        (b'{"metadata":{"x":"model"},"model":"b"}', b'{"metadata":{"x":"model"},"model":"p"}'),
        (b'{"model":null}', b'{"model":"p"}'),
        (b'{"output":[]}', b'{"output":[]}'),
    ],
)
def test_the_model_is_the_product(body: bytes, model_replaced: bytes) -> None:
    assert read_answer(body, product_id="p").body == model_replaced


def test_a_products_name_is_quoted() -> None:
    assert json.loads(read_answer(b'{"model":"v"}', product_id='a"b').body) == {"model": 'a"b'}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"3", b"null"])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    answer = read_answer(body, product_id="p")
    assert answer.error is not None
    assert answer.error.code == "unreadable_answer"
    assert answer.usage is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"error": {"code": "server_error", "message": "no"}}, "no"),
        ({"status": "failed", "error": {"code": "server_error", "message": "no"}}, "no"),
        ({"status": "failed", "error": None}, "The vendor says that the response has failed."),
        ({"status": "failed", "error": 3}, "The vendor says that the response has failed."),
    ],
)
def test_a_failed_response_is_an_error_and_keeps_its_usage(more: dict[str, Any], message: str) -> None:
    response = {"object": "response", "model": "v", "usage": COUNTS, **more}
    answer = read_answer(orjson.dumps(response), product_id="p")
    assert answer.error is not None
    assert answer.error.message == message
    assert answer.usage == Usage(input=15, cached_input=5, output=9, reasoning=4)


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled", None, 3])
def test_what_is_over_has_its_usage(status: Any) -> None:
    assert usage_of(status=status) == Usage(input=15, cached_input=5, output=9, reasoning=4)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_what_is_not_over_has_none(status: str) -> None:
    assert usage_of(status=status) is None


@pytest.mark.parametrize("raw", [None, {}, [], 3, {"input_tokens": "20"}, {"input_tokens": True}])
def test_a_usage_that_says_nothing_is_none(raw: Any) -> None:
    assert usage_of(usage=raw) is None


SEARCH = {"type": "web_search_call", "status": "completed", "action": {"type": "search"}}
OPENED = {"type": "web_search_call", "status": "completed", "action": {"type": "open_page"}}
DRAWN = {"type": "image_generation_call", "status": "completed"}


@pytest.mark.parametrize(
    ("more", "units"),
    [
        ({"output": []}, {}),
        ({"output": None}, {}),
        ({"output": [SEARCH, OPENED, SEARCH]}, {"searches": 2}),
        (
            {"output": [{"type": "web_search_call"}, {"type": "web_search_call", "action": 3}]},
            {"searches": 2},
        ),
        ({"output": [SEARCH | {"status": "failed"}, 3, {"type": []}]}, {}),
        ({"output": [DRAWN, DRAWN | {"action": "edit"}, DRAWN | {"status": "failed"}]}, {"images": 2}),
        ({"output": [SEARCH], "tool_usage": {"web_search": {"num_requests": 3}}}, {"searches": 3}),
        ({"output": [SEARCH], "tool_usage": {"web_search": {"num_requests": 0}}}, {}),
        ({"output": [SEARCH], "tool_usage": {"web_search": {"num_requests": -7}}}, {}),
        ({"output": [SEARCH], "tool_usage": {"web_search": {"num_requests": "9"}}}, {"searches": 1}),
        (
            {"output": [SEARCH], "tool_usage": {"web_search": {"num_requests": 10**18}}},
            {"searches": TOKENS_MAX},
        ),
    ],
)
def test_searches_and_pictures_are_units(more: dict[str, Any], units: dict[str, int]) -> None:
    assert usage_of(**more) == Usage(input=15, cached_input=5, output=9, reasoning=4, units=units)


@pytest.mark.parametrize(
    ("details", "units"),
    [
        ({"web_search_calls": 2, "x_search_calls": 1}, {"searches": 3}),
        ({"web_search_calls": 0}, {}),
        ({"x_search_calls": 4, "web_search_calls": "2"}, {"searches": 4}),
        ({"web_search_calls": None}, {"searches": 1}),
        ([], {"searches": 1}),
    ],
)
def test_a_vendors_own_count_of_searches(details: Any, units: dict[str, int]) -> None:
    usage = usage_of(output=[SEARCH], usage={**COUNTS, "server_side_tool_usage_details": details})
    assert usage is not None
    assert usage.units == units


def test_text_is_all_that_was_generated() -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "ab"}], "content": None},
        {"type": "message", "content": [{"text": "값"}, {"refusal": "c"}, 3, {"text": 4}]},
        {"type": "function_call", "arguments": "{}", "name": "f"},
        {"type": "custom_tool_call", "input": "abcde"},
        {"type": "code_interpreter_call", "code": "1+1"},
        "text",
    ]
    body = orjson.dumps({"id": "resp_1", "model": "v", "output": output})
    answer = read_answer(body, product_id="p")
    assert answer.text_bytes == 2 + 3 + 1 + 2 + 5 + 3
    assert (answer.upstream_id, answer.usage) == ("resp_1", None)
