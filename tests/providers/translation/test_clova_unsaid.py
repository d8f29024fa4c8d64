"""What CLOVA Studio's callers say that can be said to nobody else: refused by its name."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.facts import BadRequest
from tests.fakes.any_json import nested
from tests.providers.clova.exchanges import CALL
from tests.providers.translation.test_clova_hear import HI, WEATHER, heard, heard_v1, picture, user

PLACE: Final = "messages[0].content[0]"


def assistant(**fields: Any) -> dict[str, Any]:
    return {"messages": [HI, {"role": "assistant", **fields}]}


def tool(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "n", **fields}}]}


def called(**fields: Any) -> dict[str, Any]:
    return assistant(content="", toolCalls=[{**CALL, **fields}])


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"somethingNew": 1}, "somethingNew"), ({"n": 2}, "n"), ({"stopBefore": ["a"]}, "stopBefore"),
        ({"repeatPenalty": 5.0}, "repeatPenalty"), ({"repetitionPenalty": 1.2}, "repetitionPenalty"),
        ({"repetitionPenalty": True}, "repetitionPenalty"),
        ({"includeAiFilters": "yes"}, "includeAiFilters"),
        ({"topP": "a"}, "topP"), ({"topK": 0.5}, "topK"), ({"temperature": True}, "temperature"),
        ({"seed": "7"}, "seed"), ({"stop": "END"}, "stop"), ({"stop": [7]}, "stop"), ({"stop": ""}, "stop"),
        ({"stop": ["a"] * 65}, "stop"),
        ({"thinking": "low"}, "thinking"), ({"thinking": {"effort": "minimal"}}, "thinking.effort"),
        ({"thinking": {"effort": 1}}, "thinking.effort"), ({"thinking": {"budget": 1}}, "thinking.budget"),
        ({"responseFormat": "json"}, "responseFormat"),
        ({"responseFormat": {"type": "json"}}, "responseFormat"),
        ({"responseFormat": {"schema": {}}}, "responseFormat"),
        ({"responseFormat": {"type": "text", "schema": {}}}, "responseFormat"),
        ({"responseFormat": {"type": "json", "schema": {}, "name": "n"}}, "responseFormat.name"),
        ({"tools": [7]}, "tools[0]"), ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [{**WEATHER, "type": "web"}]}, "tools[0]"),
        ({"tools": [{**WEATHER, "x": 1}]}, "tools[0].x"),
        (tool(name=7), "tools[0]"), (tool(strict=True), "tools[0].function.strict"),
        (tool(description=7), "tools[0].function.description"),
        (tool(parameters=[]), "tools[0].function.parameters"),
        ({"toolChoice": "required"}, "toolChoice"), ({"toolChoice": {"type": "any"}}, "toolChoice"),
        ({"toolChoice": {"function": {}}}, "toolChoice"),
        ({"toolChoice": {**WEATHER, "x": 1}}, "toolChoice.x"),
        ({"toolChoice": {"function": {"name": "n", "x": 1}}}, "toolChoice.function.x"),
        ({"messages": [HI, {"role": "system", "content": "late"}]}, "messages[1].role"),
        ({"messages": [{"role": "developer", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{**HI, "name": "kim"}]}, "messages[0].name"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "system", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "system", "content": [picture(imageUrl="u")]}]}, PLACE),
        (user({"type": "text"}), PLACE), (user({"type": "video"}), PLACE), (user({"text": "x"}), PLACE),
        (user({"type": "text", "text": "x", "y": 1}), f"{PLACE}.y"), (user(picture()), PLACE),
        (user(picture(imageUrl={"url": "u", "detail": "low"})), f"{PLACE}.imageUrl.detail"),
        (user(picture(dataUri={"data": "u", "x": 1})), f"{PLACE}.dataUri.x"),
        (user(picture(imageUrl={"url": "u"}, dataUri={"data": "/9j/"})), PLACE),
        (user(picture(imageUrl={"url": 7})), PLACE), (user(picture(dataUri=7)), PLACE),
        (user(picture(dataUri={"data": "AAAA"})), f"{PLACE}.dataUri"),
        (user(picture(dataUri={"data": "data:,"})), PLACE), (user(picture(imageUrl="data:x")), PLACE),
        (assistant(content="x", toolCallId="c"), "messages[1].toolCallId"),
        (assistant(content="x", thinkingContent=7), "messages[1].thinkingContent"),
        (assistant(content="x", toolCalls={}), "messages[1].toolCalls"),
        (assistant(content="x", toolCalls=[7]), "messages[1].toolCalls[0]"),
        (called(id=None), "messages[1].toolCalls[0]"), (called(type="x"), "messages[1].toolCalls[0].type"),
        (called(x=1), "messages[1].toolCalls[0].x"),
        (called(function={"name": "n", "x": 1}), "messages[1].toolCalls[0].function.x"),
        (called(function={"name": "n", "arguments": [1]}), "messages[1].toolCalls[0]"),
        (called(function={"name": "n", "arguments": {"a": orjson.loads(nested(300))}}),
         "messages[1].toolCalls[0].function.arguments"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].toolCallId"),
        ({"messages": [{"role": "tool", "toolCallId": "c"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "toolCallId": "c", "content": "x", "name": "n"}]},
         "messages[0].name"),
    ],
)  # fmt: skip
def test_what_can_be_said_to_nobody_else(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        heard(**more)
    assert refused.value.param == param
    assert f"`{param}`" in refused.value.message_en
    assert f"`{param}`" in refused.value.message_ko


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"repeatPenalty": 4.9}, "repeatPenalty"), ({"repetitionPenalty": 1.1}, "repetitionPenalty"),
        ({"stop": ["a"]}, "stop"), ({"stopBefore": "a"}, "stopBefore"), ({"tools": [WEATHER]}, "tools"),
        ({"thinking": {"effort": "low"}}, "thinking"), ({"maxCompletionTokens": 9}, "maxCompletionTokens"),
        ({"responseFormat": {"type": "text"}}, "responseFormat"),
    ],
)  # fmt: skip
def test_v1_has_words_of_its_own(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        heard_v1(**more)
    assert refused.value.param == param
