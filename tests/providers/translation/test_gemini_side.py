"""What is heard of Gemini's callers."""

from __future__ import annotations

from typing import Any, Final

import pytest
from google.genai import types
from pydantic import BaseModel

from providers.facts import Spoken
from providers.gemini.request import read_generate_request
from providers.translation.gemini.hear import hear
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Image,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tests.providers.translation.sdk_gemini import sdk

HI: Final[dict[str, Any]] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def heard(**more: Any) -> Conversation:
    body = {**HI, **more}
    return hear(body, read_generate_request(body, 100, Spoken(model="m")), "other")


def user(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def config(**more: Any) -> dict[str, Any]:
    return {"generationConfig": more}


def calling(**more: Any) -> dict[str, Any]:
    return {"toolConfig": {"functionCallingConfig": more}}


def declared(*functions: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": list(functions)}]}


def test_what_is_heard() -> None:
    said = heard(
        systemInstruction={"role": "system", "parts": [{"text": "be brief"}, {"text": "and kind"}]},
        contents=[
            {"parts": [
                {"text": "look"},
                {"inlineData": {"mimeType": "image/png", "data": "-_8="}},
                {"inline_data": {"mime_type": "text/plain", "data": "7JW96rSA"}},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://pictures.example/1.png"}},
            ]},
            {"role": "model", "parts": [
                {"text": "hm", "thought": True}, {"text": "wait", "thoughtSignature": "c2ln"},
                {"functionCall": {"id": "c1", "name": "weather", "args": {"at": "서울"}}},
                {"function_call": {"name": "clock"}, "thought_signature": "c2ln"},
                {"functionCall": {"name": "clock", "args": {}}},
            ]},
            {"role": "function", "parts": {
                "functionResponse": {"name": "clock", "response": {"hour": 9}},
            }},
            {"role": "user", "parts": [
                {"functionResponse": {
                    "id": "c1", "name": "weather", "response": {"output": "맑음"},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
                }},
                {"functionResponse": {"name": "clock", "response": {"error": "no such zone"}}},
                {"text": "so?"},
            ]},
        ],
        tools=[
            {"function_declarations": [{"name": "weather", "description": "of a place", "parameters": {
                "type": "OBJECT", "properties": {"at": {"type": "STRING", "nullable": True}},
            }}]},
            {"functionDeclarations": [
                {"name": "clock", "parametersJsonSchema": {"type": "object"}, "behavior": "BLOCKING"},
            ]},
        ],
        tool_config={"function_calling_config": {"mode": "ANY"}},
        generation_config={
            "max_output_tokens": 9, "candidateCount": 2, "temperature": 1.5, "topP": 0.5, "topK": 40.0,
            "seed": 7, "presencePenalty": 0.5, "frequency_penalty": 0, "stopSequences": ["END"],
            "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"},
            "thinkingConfig": {"includeThoughts": True, "thinking_level": "low"},
        },
        labels={"team": "a"},
        store=False,
    )  # fmt: skip
    assert said == Conversation(
        system=(Text("be brief"), Text("and kind")),
        turns=(
            Turn("user", (
                Text("look"), Image(media_type="image/png", data="+/8="), Text("약관"),
                Image(url="https://pictures.example/1.png"),
            )),
            Turn("assistant", (
                Thinking("hm"), Text("wait"), ToolCall("c1", "weather", '{"at":"서울"}'),
                ToolCall("call_unnamed_1", "clock", "{}"), ToolCall("call_unnamed_2", "clock", "{}"),
            )),
            Turn("user", (ToolResult("call_unnamed_1", "clock", (Text('{"hour":9}'),)),)),
            Turn("user", (
                ToolResult("c1", "weather", (Text("맑음"), Image(media_type="image/png", data="AAAA"))),
                ToolResult("call_unnamed_2", "clock", (Text("no such zone"),), is_error=True),
                Text("so?"),
            )),
        ),
        tools=(
            Tool("weather", "of a place", {
                "type": "object", "properties": {"at": {"type": ["string", "null"]}},
            }),
            Tool("clock", None, {"type": "object"}),
        ),
        tool_choice=ToolChoice("any"),
        shape=AnswerShape(schema={"type": "object"}),
        output_limit=9, n=2, stop=("END",), temperature=1.5, top_p=0.5, top_k=40, seed=7,
        presence_penalty=0.5, frequency_penalty=0, effort="low",
    )  # fmt: skip


class Place(BaseModel):
    name: str
    zone: int | None = None


def weather(at: str, days: int = 1) -> dict[str, str]:
    """Of a place."""
    return {}


def heard_of_the_sdk(contents: Any, **config: Any) -> Conversation:
    transport, client = sdk()
    transport.body = b'{"candidates":[{"content":{"parts":[{"text":"{}"}]},"finishReason":"STOP"}]}'
    how = types.GenerateContentConfig.model_validate(config)
    client.models.generate_content(model="p", contents=contents, config=how)
    body = transport.asked
    return hear(body, read_generate_request(body, 100, Spoken(model="m")), "other")


def test_what_its_own_sdk_asks_is_heard() -> None:
    """Fields in either spelling, base64 of the other kind, whole numbers as fractions, schemas from types."""
    said = heard_of_the_sdk(
        ["look", types.Part.from_bytes(data=b"\xff\xfe\xfd\xfb\xff", mime_type="image/png")],
        system_instruction="be brief",
        top_k=40,
        response_mime_type="application/json",
        response_schema=Place,
        thinking_config={"include_thoughts": True, "thinking_level": "LOW"},
        safety_settings=[{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"}],
    )
    assert (said.system, said.top_k, said.effort) == ((Text("be brief"),), 40, "low")
    assert said.turns[0].parts[1] == Image(media_type="image/png", data="//79+/8=")
    assert said.shape is not None
    assert said.shape.schema is not None
    zone = {"type": ["integer", "null"], "title": "Zone"}
    assert said.shape.schema["properties"] == {"name": {"type": "string", "title": "Name"}, "zone": zone}
    calling = {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["weather"]}}
    [tool] = heard_of_the_sdk("hi", tools=[weather], tool_config=calling).tools
    assert (tool.name, tool.description, tool.parameters["required"]) == ("weather", "Of a place.", ["at"])


def called(*ids: str | None) -> dict[str, Any]:
    calls = [{"functionCall": {"name": "n", **({} if i is None else {"id": i})}} for i in ids]
    return {"role": "model", "parts": calls}


def answered(*ids: str | None) -> dict[str, Any]:
    results = [{"functionResponse": {"name": "n", **({} if i is None else {"id": i})}} for i in ids]
    return {"role": "user", "parts": results}


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        ([called("a", "b"), answered("b", "a")], ["b", "a"]),
        ([called("a", "b"), answered(None, None)], ["a", "b"]),  # so does its SDK
        ([called("a", "b", None), answered("a", None, None)], ["a", "b", "call_unnamed_1"]),
        ([called(None, None), answered("x", "y")], ["call_unnamed_1", "call_unnamed_2"]),
        ([called("a"), answered("x")], ["x"]),
        ([called("a"), answered(None), called("a"), answered(None)], ["a", "a"]),
        ([called("a"), called("b"), answered("a"), answered(None)], ["a", "b"]),
    ],
)
def test_which_call_a_result_is_of(contents: list[dict[str, Any]], found: list[str]) -> None:
    turns = heard(contents=contents).turns
    results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
    assert [result.call_id for result in results] == found


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({}, None), ({"includeThoughts": False}, None), ({"thinkingBudget": -1}, None),
        ({"thinkingBudget": 0}, "none"), ({"thinking_budget": 128}, "low"),
        ({"thinkingBudget": 4097}, "medium"),
        ({"thinkingBudget": 24576}, "high"), ({"thinkingLevel": "MINIMAL"}, "minimal"),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED", "thinkingBudget": 0}, "none"),
    ],
)  # fmt: skip
def test_how_much_thinking_is_meant(thinking: dict[str, Any], effort: str | None) -> None:
    assert heard(**config(thinkingConfig=thinking)).effort == effort


A: Final = Tool("a", None, {})
B: Final = Tool("b", None, {})
STRICT: Final = Tool("a", None, {}, strict=True)


@pytest.mark.parametrize(
    ("said", "tools", "choice"),
    [
        ({}, (A, B), None),
        ({"mode": "MODE_UNSPECIFIED"}, (A, B), None),
        ({"mode": "auto"}, (A, B), ToolChoice("auto")),
        ({"mode": "NONE"}, (A, B), ToolChoice("none")),
        ({"mode": "ANY"}, (A, B), ToolChoice("any")),
        ({"mode": "ANY", "allowedFunctionNames": ["b"]}, (A, B), ToolChoice("tool", "b")),
        ({"mode": "ANY", "allowed_function_names": ["b", "a"]}, (A, B), ToolChoice("any")),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["a"]}, (STRICT,), ToolChoice("auto")),
    ],
)
def test_which_tools_may_be_called(
    said: dict[str, Any], tools: tuple[Tool, ...], choice: ToolChoice | None
) -> None:
    told = heard(**declared({"name": "a"}, {"name": "b"}), **calling(**said))
    assert (told.tools, told.tool_choice) == (tools, choice)
