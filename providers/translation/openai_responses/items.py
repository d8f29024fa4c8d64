"""Items of a Responses request -> what the system says, and turns. Pure.

What a model said in one answer are several items here: a text, each call. They are one turn again, as other
dialects have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from providers.facts import BadRequest, bad, text
from providers.translation.message_list import add_result
from providers.translation.neutral import (
    Image,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    inexpressible,
    known_only,
)
from providers.translation.openai.messages import as_list, image_of

# Of an item that is sent back: its name, and whether it was whole.
ITEM_HINTS: Final = frozenset({"id", "status", "phase"})
# Where the vendor is to cut its cache: others cache by themselves.
PART_HINTS: Final = frozenset({"prompt_cache_breakpoint"})
# What an answer told beside its text, and what its SDK made of the text or of a call's arguments and some
# versions send back: no vendor reads it again.
ANSWER_HINTS: Final = frozenset({"annotations", "logprobs", "parsed"})
CALL_HINTS: Final = frozenset({"parsed_arguments"})

_MESSAGE: Final = frozenset({"type", "role", "content"}) | ITEM_HINTS
_CALL: Final = frozenset({"type", "call_id", "name", "arguments"}) | ITEM_HINTS | CALL_HINTS
_RESULT: Final = frozenset({"type", "call_id", "name", "output"}) | ITEM_HINTS
_CALL_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {"async": (False,), "caller": ({"type": "direct"},)}
# What was thought in former turns is not told again: it is sealed, or its vendor's own affair.
_THOUGHT: Final = frozenset({"type", "summary", "content", "encrypted_content"}) | ITEM_HINTS
_TEXT: Final = frozenset({"type", "text"}) | PART_HINTS
_SAID: Final = frozenset({"type", "text"}) | ANSWER_HINTS
_REFUSAL: Final = frozenset({"type", "refusal"})
_IMAGE: Final = frozenset({"type", "image_url"}) | PART_HINTS
_IMAGE_SAYS_NOTHING: Final = {"detail": ("auto", "high")}  # others look at all of a picture anyway

_Read = TypeVar("_Read", Text, Text | Image)


class Items:
    """Reads the items of one request."""

    def __init__(self, vendor_dialect: str) -> None:
        self._vendor_dialect = vendor_dialect
        self._system: list[Text] = []
        self._turns: list[tuple[Role, list[Part]]] = []
        self._has_called = False  # the last of them: a request may hold very many parts to look through
        self._names: dict[str, str] = {}  # of the tools that were called, by the call's id

    def read(self, given: Any) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
        if type(given) is str:
            return (), (Turn("user", (Text(given),)),)
        for index, item in enumerate(as_list(given, "input")):
            self._read(item, f"input[{index}]")
        if not self._turns:
            raise bad("input", "must say something", "내용이 있어야 합니다")
        return tuple(self._system), tuple(Turn(role, tuple(parts)) for role, parts in self._turns)

    def _read(self, item: dict[str, Any], where: str) -> None:
        match item.get("type"):
            case None | "message":
                self._known_only(item, _MESSAGE, where)
                self._add_message(item, where)
            case "function_call":
                self._add_call(item, where)
            case "function_call_output":
                self._add_result(item, where)
            case "reasoning":
                self._known_only(item, _THOUGHT, where)
            case _:
                raise self._cannot(f"{where}.type")

    def _add_message(self, item: dict[str, Any], where: str) -> None:
        content = item.get("content")
        where_content = f"{where}.content"
        match item.get("role"):
            case "system" | "developer":
                if self._turns:
                    raise self._cannot(f"{where}.role")  # elsewhere it stands before all turns
                self._system += self._parts(content, where_content, self._text)
            case "user":
                self._begin("user", list(self._parts(content, where_content, self._shown)))
            case "assistant":
                said = self._parts(content, where_content, self._said)
                if self._has_called:
                    self._turns[-1][1].extend(said)  # before the results of what it called
                else:
                    self._begin("assistant", list(said))
            case _:
                raise self._cannot(f"{where}.role")

    def _add_call(self, item: dict[str, Any], where: str) -> None:
        known_only(item, _CALL, self._vendor_dialect, says_nothing=_CALL_SAYS_NOTHING, where=f"{where}.")
        given = [item.get(name) for name in ("call_id", "name", "arguments")]
        if any(type(value) is not str for value in given):
            raise bad(
                where,
                "must have a call_id, a name and arguments as text",
                "call_id, name과 텍스트 arguments가 있어야 합니다",
            )
        call = ToolCall(item["call_id"], item["name"], item["arguments"] or "{}")
        self._names[call.call_id] = call.name
        if self._turns and self._turns[-1][0] == "assistant":
            self._turns[-1][1].append(call)
        else:
            self._begin("assistant", [call])
        self._has_called = True

    def _add_result(self, item: dict[str, Any], where: str) -> None:
        known_only(item, _RESULT, self._vendor_dialect, says_nothing=_CALL_SAYS_NOTHING, where=f"{where}.")
        call_id, output = item.get("call_id"), item.get("output")
        if type(call_id) is not str:
            raise bad(f"{where}.call_id", "must name a call", "호출의 id여야 합니다")
        name = self._names.get(call_id, text(item, "name", f"{where}."))
        result = ToolResult(call_id, name, tuple(self._parts(output, f"{where}.output", self._shown)))
        add_result(self._turns, result)
        self._has_called = False

    def _begin(self, role: Role, parts: list[Part]) -> None:
        self._turns.append((role, parts))
        self._has_called = False

    def _parts(self, content: Any, where: str, read: Callable[[Any, str], _Read]) -> list[_Read | Text]:
        if type(content) is str:
            return [Text(content)]
        return [read(part, f"{where}[{number}]") for number, part in enumerate(as_list(content, where))]

    def _text(self, part: Any, where: str) -> Text:
        if type(part) is not dict or part.get("type") != "input_text":
            raise self._cannot(where)
        self._known_only(part, _TEXT, where)
        return Text(_text_of(part, "text", where))

    def _shown(self, part: Any, where: str) -> Text | Image:
        if type(part) is not dict or part.get("type") != "input_image":
            return self._text(part, where)
        known_only(part, _IMAGE, self._vendor_dialect, says_nothing=_IMAGE_SAYS_NOTHING, where=f"{where}.")
        return image_of(_text_of(part, "image_url", where), f"{where}.image_url")

    def _said(self, part: Any, where: str) -> Text:
        kind = part.get("type") if type(part) is dict else None
        if kind == "refusal":
            self._known_only(part, _REFUSAL, where)
            return Text(_text_of(part, "refusal", where))
        if kind != "output_text":
            raise self._cannot(where)
        self._known_only(part, _SAID, where)
        return Text(_text_of(part, "text", where))

    def _known_only(self, said: dict[str, Any], known: frozenset[str], where: str) -> None:
        known_only(said, known, self._vendor_dialect, where=f"{where}.")

    def _cannot(self, where: str) -> BadRequest:
        return inexpressible(where, self._vendor_dialect)


def _text_of(part: dict[str, Any], name: str, where: str) -> str:
    value = part.get(name)
    if type(value) is not str:
        raise bad(f"{where}.{name}", "must be a text", "텍스트여야 합니다")
    return value
