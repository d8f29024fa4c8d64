"""What callers of the Responses API cannot ask of vendors of other dialects: refused by its name."""

from __future__ import annotations

from typing import Any, Final

import pytest

from providers.facts import BadRequest
from tests.providers.translation.test_openai_responses_side import WEATHER, heard


def refused(**more: Any) -> BadRequest:
    with pytest.raises(BadRequest) as error:
        heard(**more)
    assert error.value.message_ko != error.value.message_en
    return error.value


def item(**fields: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": "hi"}, fields]}


def part(**fields: Any) -> dict[str, Any]:
    return item(role="user", content=[fields])


def tool(**fields: Any) -> dict[str, Any]:
    return {"tools": [{**WEATHER, **fields}]}


def chosen(**fields: Any) -> dict[str, Any]:
    return {"tools": [WEATHER], "tool_choice": fields}


CALL: Final = {"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}
RESULT: Final = {"type": "function_call_output", "call_id": "c", "output": "o"}
BUILT_IN: Final = (
    "web_search", "web_search_preview", "file_search", "code_interpreter", "mcp", "computer",
    "computer_use_preview", "image_generation", "local_shell", "shell", "apply_patch", "custom", "namespace",
    "tool_search",
)  # fmt: skip


@pytest.mark.parametrize(
    ("more", "param"),
    [
        *(({"tools": [{"type": kind}]}, f"tools[0] ({kind})") for kind in BUILT_IN),
        ({"tools": [WEATHER, 7]}, "tools[1]"), ({"tools": {"a": 1}}, "tools"),
        (tool(name=7), "tools[0].name"), (tool(parameters=[]), "tools[0].parameters"),
        (tool(strict="yes"), "tools[0].strict"), (tool(description=7), "tools[0].description"),
        (tool(defer_loading=True), "tools[0].defer_loading"), (tool(odd=1), "tools[0].odd"),
        (tool(**{"async": True}), "tools[0].async"),
        ({"store": True}, "store"), ({"background": True}, "background"),
        ({"background": True, "store": False}, "background"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"), ({"prompt": {"id": "p"}}, "prompt"),
        ({"include": ["message.output_text.logprobs"]}, "include"), ({"truncation": "auto"}, "truncation"),
        ({"service_tier": "flex"}, "service_tier"), ({"top_logprobs": 2}, "top_logprobs"),
        ({"max_tool_calls": 2}, "max_tool_calls"), ({"stop": ["a"]}, "stop"), ({"seed": 1}, "seed"),
        ({"moderation": {"model": "m"}}, "moderation"), ({"n": 2}, "n"),
        ({"instructions": []}, "instructions"),
        ({"temperature": "hot"}, "temperature"), ({"top_p": True}, "top_p"), ({"user": 7}, "user"),
        ({"input": []}, "input"), ({"input": [{"type": "reasoning", "summary": []}]}, "input"),
        (item(type="item_reference", id="msg_1"), "input"), (item(type="web_search_call"), "input[1].type"),
        (item(type="custom_tool_call", name="n"), "input[1].type"), (item(type=7), "input[1].type"),
        (item(role="developer", content="late"), "input[1].role"), (item(role="tool"), "input[1].role"),
        (item(role=["user"], content="x"), "input[1].role"), (item(role="user"), "input[1].content"),
        (item(role="user", content="x", odd=1), "input[1].odd"), (item(**CALL, odd=1), "input[1].odd"),
        (item(**{**CALL, "arguments": {}}), "input[1]"), (item(**{**CALL, "call_id": None}), "input[1]"),
        (item(**CALL, caller={"type": "program", "caller_id": "p"}), "input[1].caller"),
        (item(**CALL, namespace="n"), "input[1].namespace"), (item(**RESULT, odd=1), "input[1].odd"),
        (item(**{**RESULT, "call_id": 7}), "input[1].call_id"), (item(**RESULT, name=7), "input[1].name"),
        (item(**{**RESULT, "output": None}), "input[1].output"),
        (item(**{**RESULT, "output": [{"type": "input_file", "file_id": "f"}]}), "input[1].output[0]"),
        (item(type="reasoning", odd=1), "input[1].odd"),
        (part(type="input_file", file_id="f"), "input[1].content[0]"),
        (part(type="input_audio", input_audio={"data": "AA"}), "input[1].content[0]"),
        (part(type="output_text", text="x"), "input[1].content[0]"),
        (part(type="input_text", text=7), "input[1].content[0].text"),
        (part(type="input_text", text="x", odd=1), "input[1].content[0].odd"),
        (part(type="input_image", file_id="f"), "input[1].content[0].file_id"),
        (part(type="input_image"), "input[1].content[0].image_url"),
        (part(type="input_image", image_url="data:x"), "input[1].content[0].image_url"),
        (part(type="input_image", image_url="https://a", detail="low"), "input[1].content[0].detail"),
        (item(role="assistant", content=[{"type": "input_text", "text": "x"}]), "input[1].content[0]"),
        (item(role="assistant", content=[{"type": "refusal"}]), "input[1].content[0].refusal"),
        (chosen(type="web_search"), "tool_choice"), (chosen(type="function"), "tool_choice"),
        ({"tool_choice": "any"}, "tool_choice"), ({"tool_choice": ["auto"]}, "tool_choice"),
        (chosen(type="function", name="n", odd=1), "tool_choice.odd"),
        (chosen(type="allowed_tools", mode="none", tools=[]), "tool_choice.mode"),
        (chosen(type="allowed_tools", mode="auto"), "tool_choice.tools"),
        (chosen(type="allowed_tools", mode="auto", tools=[{"type": "mcp"}]), "tool_choice.tools[0]"),
        (chosen(type="allowed_tools", mode="auto", tools=[{"type": "function"}]),
         "tool_choice.tools[0].name"),
        (chosen(type="allowed_tools", mode="auto", tools=[{"type": "function", "name": "x"}]),
         "tool_choice.tools"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"text": "json"}, "text"), ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format"),
        ({"text": {"format": {"type": "text", "schema": {}}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": {}, "strict": 1}}}, "text.format.strict"),
        ({"reasoning": "low"}, "reasoning"), ({"reasoning": {"effort": "xhigh"}}, "reasoning.effort"),
        ({"reasoning": {"effort": 7}}, "reasoning.effort"),
        ({"reasoning": {"summary": 7}}, "reasoning.summary"),
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context"), ({"odd": 1}, "odd"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    error = refused(**more)
    assert error.param == param
    assert f"`{param}`" in error.message_en
    assert f"`{param}`" in error.message_ko
