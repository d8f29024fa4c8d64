"""Messages of a chat completions request -> what the system says, and turns. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import bad, text
from providers.translation.message_list import MessageList, add_result
from providers.translation.neutral import (
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    known_only,
)

# Where the vendor is to cut its cache, as some gateways let their callers say: others cache by themselves.
PART_HINTS: Final = frozenset({"cache_control"})
# What an answer told beside itself, when it is sent back as a turn: no vendor reads it again.
ANSWER_HINTS: Final = frozenset({"annotations", "reasoning_details", "parsed"})

_PLAIN: Final = frozenset({"role", "content"})
_RESULT: Final = _PLAIN | {"tool_call_id", "name"}
_ASSISTANT: Final = _PLAIN | {"reasoning_content", "reasoning", "refusal", "tool_calls"} | ANSWER_HINTS
_TEXT: Final = frozenset({"type", "text"}) | PART_HINTS
_REFUSAL: Final = frozenset({"type", "refusal"})
_IMAGE: Final = frozenset({"type", "image_url"}) | PART_HINTS
_URL: Final = frozenset({"url"})
_URL_SAYS_NOTHING: Final = {"detail": ("auto", "high")}  # others look at all of a picture anyway


class Messages(MessageList):
    """Reads the messages of one request."""

    def read(self, messages: list[Any]) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
        for index, message in enumerate(messages):
            where = f"messages[{index}]"
            match message.get("role"):
                case "system" | "developer":
                    if self._turns:
                        raise self._cannot(f"{where}.role")  # elsewhere it stands before all turns
                    self._known_only(message, _PLAIN, where)
                    self._system += self._texts(message.get("content"), f"{where}.content")
                case "user":
                    self._known_only(message, _PLAIN, where)
                    self._turns.append(("user", self._user(message, where)))
                case "assistant":
                    self._known_only(message, _ASSISTANT, where)
                    self._turns.append(("assistant", self._assistant(message, where)))
                case "tool":
                    self._known_only(message, _RESULT, where)
                    self._add_result(message, where)
                case _:
                    raise self._cannot(f"{where}.role")
        return self._heard()

    def _user(self, message: dict[str, Any], where: str) -> list[Part]:
        content = message.get("content")
        if type(content) is str:
            return [Text(content)]
        return [self._part(part, f"{where}.content[{i}]") for i, part in enumerate(as_list(content, where))]

    def _part(self, part: Any, where: str) -> Text | Image:
        if type(part) is str:
            return Text(part)
        if type(part) is not dict or part.get("type") != "image_url":
            return self._text(part, where)
        self._known_only(part, _IMAGE, where)
        url = part.get("image_url")
        if type(url) is dict:
            known_only(
                url,
                _URL,
                self._vendor_dialect,
                says_nothing=_URL_SAYS_NOTHING,
                where=f"{where}.image_url.",
            )
            url = url.get("url")
        if type(url) is not str:
            raise self._cannot(where)
        return image_of(url, where)

    def _assistant(self, message: dict[str, Any], where: str) -> list[Part]:
        parts: list[Part] = []
        thoughts = [text(message, name, f"{where}.") for name in ("reasoning_content", "reasoning")]
        if thought := thoughts[0] or thoughts[1]:
            parts.append(Thinking(thought))
        if message.get("content") is not None:
            parts += self._texts(message["content"], f"{where}.content")
        if (refusal := text(message, "refusal", f"{where}.")) is not None:
            parts.append(Text(refusal))
        calls = message.get("tool_calls")
        for index, call in enumerate([] if calls is None else as_list(calls, f"{where}.tool_calls")):
            parts.append(self._call(call, f"{where}.tool_calls[{index}]"))
        return parts

    def _call(self, call: Any, where: str) -> ToolCall:
        function = self._function_of(call, where)
        call_id, arguments = call.get("id"), function.get("arguments")
        if type(call_id) is not str or type(arguments) not in (str, type(None)):
            raise bad(where, "must have an id and arguments as text", "id와 텍스트 arguments가 있어야 합니다")
        self._names[call_id] = function["name"]
        return ToolCall(call_id, function["name"], arguments or "{}")

    def _add_result(self, message: dict[str, Any], where: str) -> None:
        call_id = message.get("tool_call_id")
        if type(call_id) is not str:
            raise bad(f"{where}.tool_call_id", "must name a tool call", "도구 호출의 id여야 합니다")
        texts = self._texts(message.get("content"), f"{where}.content")
        name = self._names.get(call_id, text(message, "name", f"{where}."))
        result = ToolResult(call_id, name, tuple(texts))
        add_result(self._turns, result)

    def _texts(self, content: Any, where: str) -> list[Text]:
        if type(content) is str:
            return [Text(content)]
        return [
            Text(part) if type(part) is str else self._text(part, f"{where}[{index}]")
            for index, part in enumerate(as_list(content, where))
        ]

    def _text(self, part: Any, where: str) -> Text:
        kind = part.get("type") if type(part) is dict else None
        if kind not in ("text", "refusal") or type(part.get(kind)) is not str:
            raise self._cannot(where)
        self._known_only(part, _TEXT if kind == "text" else _REFUSAL, where)
        return Text(part[kind])


def image_of(url: str, where: str) -> Image:
    """A data: URL is taken apart; any other stays one."""
    if url[:5].lower() != "data:":
        return Image(url=url)
    head, comma, data = url[5:].partition(",")
    media_type, _, encoding = head.partition(";")
    if not comma or encoding.lower() != "base64" or not media_type:
        raise bad(where, "must be a base64 data URL", "base64 data URL이어야 합니다")
    return Image(media_type=media_type, data=data)


def as_list(value: Any, where: str) -> list[Any]:
    if type(value) is not list:
        raise bad(where, "must be a list", "목록이어야 합니다")
    return value
