"""What a chat says, in no dialect's words. Values only.

It has what the chat dialects have in common and no more. Whatever a caller says beyond it is refused with a
sentence that names it (`inexpressible`), never dropped: a caller who asked for something gets it, or is told.
What a vendor says beyond it (its own counters, citations of its own tools) a caller of another dialect could
not read, and does not get; where that is a part of the answer (a sound), its place says so (`left_out`).

Counts are not translated from words to words: `metering.usage.Usage` is neutral already.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from metering.usage import Usage
from providers.facts import BadRequest

# How an answer ended, as all dialects can say it.
Ending = Literal["stop", "length", "tool_calls", "filtered"]
Role = Literal["user", "assistant"]
# How much a vendor may think: a word where the dialect has words, tokens where it has tokens.
Effort = Literal["none", "minimal", "low", "medium", "high"]

EFFORT_TOKENS: Final[dict[Effort, int]] = {
    "none": 0,
    "minimal": 1024,
    "low": 4096,
    "medium": 8192,
    "high": 16384,
}

_NO_VALUES: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType({})


class Text(msgspec.Struct, frozen=True, tag="text"):
    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """`data` in base64 with its `media_type`, or a `url`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    """What a model thought aloud. `signature` is the vendor's seal on it: worthless to any other vendor."""

    text: str
    signature: str | None = None


class ToolCall(msgspec.Struct, frozen=True, tag="call"):
    call_id: str
    name: str
    arguments: str  # JSON text


class ToolResult(msgspec.Struct, frozen=True, tag="result"):
    call_id: str
    name: str | None  # of the tool, where the dialect says it
    content: tuple[Text | Image, ...]
    is_error: bool = False


Part = Text | Image | Thinking | ToolCall | ToolResult


class Turn(msgspec.Struct, frozen=True):
    """Tool results are parts of a user's turn. Two turns of one role may follow each other."""

    role: Role
    parts: tuple[Part, ...]


class Tool(msgspec.Struct, frozen=True):
    name: str
    description: str | None
    parameters: dict[str, Any]  # JSON Schema; empty: none
    strict: bool | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """`name` where one tool must be called. `at_most_one`: no parallel calls."""

    mode: Literal["auto", "none", "any", "tool"] = "auto"
    name: str | None = None
    at_most_one: bool = False


class AnswerShape(msgspec.Struct, frozen=True):
    """The answer is to be JSON; of this schema, where there is one."""

    schema: dict[str, Any] | None = None
    name: str = "answer"
    strict: bool | None = None


class Conversation(msgspec.Struct, frozen=True):
    """A request. None: the caller did not say."""

    system: tuple[Text, ...]
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    shape: AnswerShape | None = None
    output_limit: int | None = None
    n: int = 1
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    effort: Effort | None = None
    user: str | None = None  # the caller's word for its own user

    @property
    def forbids_parallel_calls(self) -> bool:
        """Where there can be any."""
        choice = self.tool_choice
        return choice is not None and choice.at_most_one and choice.mode != "none" and bool(self.tools)


Said = Text | Image | Thinking | ToolCall


class Choice(msgspec.Struct, frozen=True):
    parts: tuple[Said, ...]
    ending: Ending


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    choices: tuple[Choice, ...]
    reply_id: str | None = None
    created_s: int | None = None
    usage: Usage | None = None


def ending_by(words: Mapping[str, Ending], word: Any) -> Ending:
    """A word that we do not know is an end all the same."""
    return words.get(word, "stop") if type(word) is str else "stop"


def without_thoughts(reply: Reply) -> Reply:
    """For a caller who did not ask for them, and takes every text for the answer."""
    choices = [
        Choice(tuple(part for part in choice.parts if not isinstance(part, Thinking)), choice.ending)
        for choice in reply.choices
    ]
    return msgspec.structs.replace(reply, choices=tuple(choices))


# -- a stream, piece by piece


class TextDelta(msgspec.Struct, frozen=True, tag="text"):
    choice: int
    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, tag="thinking"):
    choice: int
    text: str
    signature: str | None = None


class ImageDelta(msgspec.Struct, frozen=True, tag="image"):
    """A picture comes whole."""

    choice: int
    image: Image


class CallDelta(msgspec.Struct, frozen=True, tag="call"):
    """Of one tool call. `call_id` and `name` come with its first piece, `arguments` (JSON text) in pieces."""

    choice: int
    call: int  # 0, 1, ... within its choice, in the order in which they begin
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""


class ChoiceEnd(msgspec.Struct, frozen=True, tag="end"):
    choice: int
    ending: Ending


Delta = TextDelta | ImageDelta | ThinkingDelta | CallDelta | ChoiceEnd


def part_delta(choice: int, part: Text | Image | Thinking) -> TextDelta | ImageDelta | ThinkingDelta:
    if isinstance(part, Image):
        return ImageDelta(choice, part)
    return TextDelta(choice, part.text) if isinstance(part, Text) else ThinkingDelta(choice, part.text)


A_PICTURE: Final = "a picture"
A_SOUND: Final = "a sound or a film"


def left_out(what: str) -> Text:
    """In the place of what nobody asked for and a caller's dialect has no place for: the rest is told."""
    return Text(f"[{what} is left out here]")


def inexpressible(param: str, dialect: str) -> BadRequest:
    """For a field, or a value of it, that the product's dialect has no words for."""
    return BadRequest(
        f"`{param}` cannot be said in the {dialect} dialect of this product; leave it out or choose another.",
        f"`{param}` 값은 이 상품의 {dialect} 형식으로 표현할 수 없습니다. 빼거나 다른 상품을 선택해 주세요.",
        param,
    )


def known_only(
    said: dict[Any, Any],
    known: frozenset[str],
    dialect: str,
    *,
    says_nothing: Mapping[str, tuple[Any, ...]] = _NO_VALUES,
    where: str = "",
) -> None:
    """Raises BadRequest for the first field of an object that nobody here can translate.

    A null says nothing; nor do the values in `says_nothing`, of fields that cannot be said with others.
    `where` is what stands before the field's name: "tools[0]."
    """
    for name in sorted(said.keys() - known):
        value = said[name]
        if value is not None and value not in says_nothing.get(name, ()):
            raise inexpressible(where + name[:64], dialect)


def refuse(wordless: Mapping[str, object], dialect: str) -> None:
    """`wordless`: what a dialect has no words for -> is it said? Raises BadRequest for the first that is."""
    for param, is_said in wordless.items():
        if is_said:
            raise inexpressible(param, dialect)


def only_said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without those of which nothing was said."""
    return {name: value for name, value in fields.items() if value is not None}
