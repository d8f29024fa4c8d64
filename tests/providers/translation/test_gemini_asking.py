"""What is asked of a vendor of Gemini's dialect, and what cannot be asked of it."""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson
import pytest

from providers.facts import BadRequest
from providers.openai.request import read_chat_request
from providers.quirks import NO_QUIRKS
from providers.translation.anthropic.side import SIDE as ANTHROPIC
from providers.translation.gemini.ask import UNSEALED, ask, fit
from providers.translation.gemini.side import SIDE
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
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair

HI: Final = (Turn("user", (Text("hi"),)),)
WEATHER: Final = Tool("weather", "of a place", {"properties": {"at": {"type": "string"}}})
CLOCK: Final = Tool("clock", None, {})
CALL: Final = ToolCall("c1", "weather", '{"at":"서울"}')


def asked(**more: Any) -> dict[str, Any]:
    return ask(Conversation(**{"system": (), "turns": HI, **more}))


def test_what_is_asked() -> None:
    picture = Image(media_type="image/png", data="AAAA")
    said = asked(
        system=(Text("be brief"), Text(""), Text("and kind")),
        turns=(
            Turn("user", (Text("look"), picture, Image(url="https://pictures.example/1.PNG?w=1"))),
            Turn("assistant", (Thinking("hm", "worthless"), Text(""))),
            Turn("assistant", (Text("wait"), CALL, ToolCall("", "clock", ""))),
            Turn("user", (ToolResult("c1", None, (Text("맑음"), Text("21"), picture)),)),
            Turn("user", (Text("so?"), ToolResult("", "clock", (), is_error=True))),
        ),
        tools=(WEATHER, CLOCK),
        tool_choice=ToolChoice("tool", "weather"),
        shape=AnswerShape(schema={"type": "object"}, name="n", strict=False),
        output_limit=7, n=2, stop=("END",), temperature=1.5, top_p=0.5, top_k=3, seed=0,
        presence_penalty=0.1, frequency_penalty=-0.1, effort="low", user="u1",
    )  # fmt: skip
    inline = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    url = {"mimeType": "image/png", "fileUri": "https://pictures.example/1.PNG?w=1"}
    called = {"id": "c1", "name": "weather", "args": {"at": "서울"}}
    assert said == {
        "systemInstruction": {"parts": [{"text": "be brief"}, {"text": "and kind"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "look"}, inline, {"fileData": url}]},
            {"role": "model", "parts": [
                {"text": "wait"},
                {"functionCall": called, "thoughtSignature": UNSEALED},
                {"functionCall": {"name": "clock", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {
                    "id": "c1", "name": "weather", "response": {"output": "맑음\n21"}, "parts": [inline],
                }},
                {"functionResponse": {"name": "clock", "response": {"error": "error"}}},
                {"text": "so?"},
            ]},
        ],
        "tools": [{"functionDeclarations": [
            {"name": "weather", "description": "of a place", "parametersJsonSchema": {
                "type": "object", "properties": {"at": {"type": "string"}},
            }},
            {"name": "clock"},
        ]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        "generationConfig": {
            "maxOutputTokens": 7, "candidateCount": 2, "stopSequences": ["END"], "temperature": 1.5,
            "topP": 0.5, "topK": 3, "seed": 0, "presencePenalty": 0.1, "frequencyPenalty": -0.1,
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "https://generativelanguage.googleapis.com/v1beta/files/8b2bhnsluaai",
        "http://GENERATIVELANGUAGE.googleapis.com:80/files/1.png",
        "files/8b2bhnsluaai",
    ],
)
def test_a_picture_in_googles_own_store_is_nobodys(url: str) -> None:
    """The vendor would fetch it for our account, whoever asks."""
    for content in ((Image(url=url),), (ToolResult("c1", None, (Image(url=url),)),)):
        turns = (*HI, Turn("assistant", (CALL,)), Turn("user", content))
        with pytest.raises(BadRequest) as refused:
            asked(turns=turns)
        assert "that the vendor keeps" in refused.value.message_en


def test_the_seal_is_the_documented_one() -> None:
    assert base64.b64decode(UNSEALED) == b"skip_thought_signature_validator"


def test_what_was_not_said_is_not_asked() -> None:
    assert asked() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert asked(tool_choice=ToolChoice("auto", at_most_one=True), user="u") == asked()
    assert asked(shape=AnswerShape())["generationConfig"] == {"responseMimeType": "application/json"}


STRICT: Final = Tool("clock", None, {}, strict=True)


@pytest.mark.parametrize(
    ("tools", "choice", "calling"),
    [
        ((WEATHER,), None, None),
        ((WEATHER,), ToolChoice("auto"), {"mode": "AUTO"}),
        ((WEATHER,), ToolChoice("any"), {"mode": "ANY"}),
        ((WEATHER,), ToolChoice("none", at_most_one=True), {"mode": "NONE"}),
        ((WEATHER, STRICT), None, {"mode": "VALIDATED"}),
        ((WEATHER, STRICT), ToolChoice("auto"), {"mode": "VALIDATED"}),
        ((STRICT,), ToolChoice("any"), {"mode": "ANY"}),
        ((STRICT,), ToolChoice("none"), {"mode": "NONE"}),
        ((), ToolChoice("none"), None),
    ],
)
def test_which_tools_may_be_called(
    tools: tuple[Tool, ...], choice: ToolChoice | None, calling: dict[str, Any] | None
) -> None:
    config = asked(tools=tools, tool_choice=choice).get("toolConfig")
    assert config == (None if calling is None else {"functionCallingConfig": calling})


@pytest.mark.parametrize(
    ("effort", "model", "thinking"),
    [
        (None, "gemini-3-pro", None),
        ("none", "gemini-3-pro", {"thinkingBudget": 0}),
        ("none", "gemini-2.5-flash", {"thinkingBudget": 0}),
        ("high", "gemini-3.1-pro-preview", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("minimal", "models/gemini-10-flash", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("high", "gemini-2.5-pro", {"includeThoughts": True, "thinkingBudget": 16384}),
        ("low", "gemini-flash-latest", {"includeThoughts": True, "thinkingBudget": 4096}),
        ("minimal", "tunedModels/mine", {"includeThoughts": True, "thinkingBudget": 1024}),
    ],
)
def test_how_much_to_think_is_said_as_the_model_knows_it(
    effort: str | None, model: str, thinking: dict[str, Any] | None
) -> None:
    body = fit(asked(effort=effort, seed=1), model)
    assert body["generationConfig"].get("thinkingConfig") == thinking
    assert body["generationConfig"]["seed"] == 1


@pytest.mark.parametrize(
    ("own", "limit", "sent"), [(None, 50, 50), (20, 50, 20), (80, 50, 50), (20, None, 20)]
)
def test_the_vendor_gets_the_lower_limit(own: int | None, limit: int | None, sent: int) -> None:
    body = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "high"}
    facts = read_chat_request(body if own is None else {**body, "max_tokens": own}, 100)
    operation = pair(OPENAI, SIDE)
    assert not operation.needs_limit
    out = operation.encode(
        body, facts=facts, upstream_model="gemini-2.5-pro", stream=True, output_limit=limit, quirks=NO_QUIRKS
    )
    config = orjson.loads(out)["generationConfig"]
    assert config["maxOutputTokens"] == sent
    assert config["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 16384}
    assert operation.path("gemini-2.5-pro", True) == (
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
    )
    assert pair(ANTHROPIC, SIDE).path("m", False) == "/v1beta/models/m:generateContent"
