"""What each vendor has no words for is refused by name, in both languages; all else is asked."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.facts import IN_BODY, BadRequest
from providers.openai.request import read_chat_request
from providers.quirks import quirks_for
from providers.translation.neutral import (
    AnswerShape,
    Image,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from providers.translation.ollama.side import SIDE as OLLAMA
from providers.translation.openai.side import SIDE as OPENAI
from providers.translation.pairing import pair
from providers.translation.port import VendorSide
from providers.translation.sides import SIDES
from tests.providers.translation.asking import HI, WEATHER, asked_of

CLOCK: Final = Tool("clock", None, {})
STRICT: Final = Tool("clock", None, {}, strict=True)
NEAR: Final = Image(media_type="image/png", data="AAAA")
FAR: Final = Image(url="https://pictures.example/1")
CALLED: Final = (
    *HI,
    Turn("assistant", (ToolCall("c", "weather", "{}"),)),
    Turn("user", (ToolResult("c", "weather", (Text("맑음"),)),)),
)

NOBODY: Final[tuple[str, ...]] = ()
BLOCKS: Final = ("anthropic", "bedrock", "gemini")  # whose messages are lists of blocks
NONE_BUT_SYSTEM: Final = "messages (none but the system's)"
LAST: Final = "messages (the last one is the assistant's)"
FAR_AWAY: Final = "messages (a picture by its address)"
NO_OBJECT: Final = "messages (arguments of a tool call that are no JSON object)"
NOT_THE_USERS: Final = "messages (a tool call of the user's)"
NOT_THE_ASSISTANTS: Final = "messages (a picture or a result of the assistant's)"


def user(*parts: Part) -> dict[str, Any]:
    return {"turns": (Turn("user", parts),)}


def assistant(*parts: Part) -> dict[str, Any]:
    return {"turns": (Turn("assistant", parts), *HI)}


def choice(*tools: Tool, **said: Any) -> dict[str, Any]:
    return {"tools": tools, "tool_choice": ToolChoice(**said)}


# What is said, by what name it is refused, and by whom; everybody else has words for it.
TABLE: Final[list[tuple[dict[str, Any], str, tuple[str, ...]]]] = [
    ({"n": 2}, "n", ("anthropic", "bedrock", "clova", "cohere", "ollama")),
    ({"top_k": 3}, "top_k", ("bedrock",)),
    ({"seed": 7}, "seed", ("anthropic", "bedrock")),
    ({"seed": 0}, "seed", ("anthropic", "bedrock", "clova")),  # to whom it means: by chance
    ({"presence_penalty": 0.1}, "presence_penalty", ("anthropic", "bedrock", "clova")),
    ({"frequency_penalty": -1}, "frequency_penalty", ("anthropic", "bedrock", "clova")),
    ({"presence_penalty": 0.0, "frequency_penalty": 0}, "", NOBODY),
    ({"temperature": 1.01}, "temperature", ("anthropic", "bedrock")),
    ({"temperature": -0.5}, "temperature", ("bedrock",)),
    ({"temperature": 0.0}, "", NOBODY),
    ({"top_p": 1.1}, "top_p", ("bedrock",)),
    ({"effort": "none"}, "reasoning_effort", ("bedrock",)),
    ({"effort": "minimal"}, "reasoning_effort", ("anthropic", "bedrock", "clova", "ollama")),
    *(({"effort": effort}, "", NOBODY) for effort in ("low", "medium", "high")),
    ({"shape": AnswerShape()}, "response_format", ("anthropic", "bedrock", "clova")),
    ({"shape": AnswerShape({"type": "object"}, strict=True)}, "", NOBODY),
    ({"user": "kim"}, "", NOBODY),
    # tools
    ({"tools": (WEATHER, CLOCK)}, "", NOBODY),
    ({"tools": (STRICT,)}, "tools (strict)", ("clova", "ollama")),
    ({"tools": (WEATHER, STRICT)}, "tools (strict)", ("clova", "cohere", "ollama")),  # Cohere: all or none
    (
        choice(WEATHER, at_most_one=True),
        "parallel_tool_calls",
        ("bedrock", "clova", "cohere", "gemini", "ollama"),
    ),
    (choice(at_most_one=True), "", NOBODY),
    (choice(mode="none"), "", NOBODY),
    (choice(WEATHER, mode="none", at_most_one=True), "tool_choice", ("ollama",)),
    ({**choice(WEATHER, mode="none"), "turns": CALLED}, "tool_choice", ("bedrock", "ollama")),
    (choice(WEATHER, mode="any"), "tool_choice", ("ollama",)),
    (choice(WEATHER, CLOCK, mode="any"), "tool_choice", ("clova", "ollama")),
    (choice(mode="any"), "tool_choice", ("bedrock", "clova", "ollama")),
    (choice(WEATHER, mode="tool", name="weather"), "tool_choice", ("ollama",)),
    (choice(WEATHER, CLOCK, mode="tool", name="clock"), "tool_choice", ("cohere", "ollama")),
    (choice(WEATHER, mode="tool", name="clock"), "tool_choice", ("cohere", "ollama")),
    # turns
    ({"turns": ()}, NONE_BUT_SYSTEM, BLOCKS),
    (user(Text("")), NONE_BUT_SYSTEM, BLOCKS),
    (user(Text(" \n")), NONE_BUT_SYSTEM, ("bedrock",)),
    ({"turns": (*HI, Turn("assistant", (Text("so"),)))}, LAST, (*BLOCKS, "ollama")),
    ({"turns": CALLED}, "", NOBODY),
    (user(NEAR, Text("look")), "", NOBODY),
    (user(FAR), FAR_AWAY, ("bedrock", "ollama")),
    *(
        (
            user(Image(media_type=media_type, data="AA")),
            "messages (a picture that is no PNG, JPEG, GIF or WebP)",
            ("bedrock",),
        )
        for media_type in ("image/tiff", "", None)
    ),
    (
        user(ToolResult("c", "t", (NEAR,))),
        "messages (a picture in a tool result)",
        ("clova", "cohere", "ollama", "openai"),
    ),
    (user(ToolResult("c9", None, ())), "messages (a tool result without its call)", ("gemini",)),
    (user(ToolCall("c", "t", "{}")), NOT_THE_USERS, BLOCKS),
    (assistant(NEAR), NOT_THE_ASSISTANTS, BLOCKS),
    (assistant(ToolResult("c", "t", ())), NOT_THE_ASSISTANTS, BLOCKS),
    *(
        (assistant(ToolCall("c", "t", arguments)), NO_OBJECT, (*BLOCKS, "clova", "ollama"))
        for arguments in ('{"cut": ', "[]", "3", '"text"')
    ),
]


@pytest.mark.parametrize(("said", "param", "by"), TABLE)
def test_who_has_no_words_for_it(said: dict[str, Any], param: str, by: tuple[str, ...]) -> None:
    for side in SIDES.values():
        assert isinstance(side, VendorSide), side.dialect
        if side.dialect not in by:
            assert asked_of(side, **said), side.dialect
            continue
        with pytest.raises(BadRequest) as refused:
            asked_of(side, **said)
        assert refused.value.param == param, side.dialect
        for message in (refused.value.message_en, refused.value.message_ko):
            assert param in message
            assert side.dialect in message


def test_a_schema_that_must_bind_is_refused_where_answers_need_not_keep_to_it() -> None:
    encode = pair(OPENAI, OLLAMA).encode
    strict: dict[str, Any] = {"name": "s", "schema": {"type": "object"}, "strict": True}
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    body["response_format"] = {"type": "json_schema", "json_schema": strict}
    facts = read_chat_request(body, 9, IN_BODY)

    def asked(vendor: str | None) -> Any:
        said = encode(
            body, facts=facts, upstream_model="m", stream=False, output_limit=None, quirks=quirks_for(vendor)
        )
        return orjson.loads(said)["format"]

    assert asked(None) == {"type": "object"}
    with pytest.raises(BadRequest, match="strict"):
        asked("ollama-cloud")
    del strict["strict"]
    assert asked("ollama-cloud") == {"type": "object"}
