"""Messages of a CLOVA Studio request -> what the system says, and turns. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import bad, text
from providers.translation.calls import arguments_text
from providers.translation.message_list import MessageList, add_result
from providers.translation.neutral import (
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from providers.translation.openai.messages import as_list, image_of

_PLAIN: Final = frozenset({"role", "content"})
_RESULT: Final = _PLAIN | {"toolCallId"}
_ASSISTANT: Final = _PLAIN | {"thinkingContent", "toolCalls"}
_TEXT: Final = frozenset({"type", "text"})
_IMAGE: Final = frozenset({"type", "imageUrl", "dataUri"})
_URL: Final = frozenset({"url"})
_DATA: Final = frozenset({"data"})
# How base64 of a picture begins, where nothing before it says of what kind it is.
_KINDS: Final = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}


class Messages(MessageList):
    """Reads the messages of one request."""

    def read(self, messages: list[Any]) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
        for index, message in enumerate(messages):
            where = f"messages[{index}]"
            match message.get("role"):
                case "system":
                    if self._turns:
                        raise self._cannot(f"{where}.role")  # elsewhere it stands before all turns
                    self._known_only(message, _PLAIN, where)
                    self._system += self._texts(message.get("content"), f"{where}.content")
                case "user":
                    self._known_only(message, _PLAIN, where)
                    self._turns.append(("user", self._user(message.get("content"), f"{where}.content")))
                case "assistant":
                    self._known_only(message, _ASSISTANT, where)
                    self._turns.append(("assistant", self._assistant(message, where)))
                case "tool":
                    self._known_only(message, _RESULT, where)
                    self._add_result(message, where)
                case _:
                    raise self._cannot(f"{where}.role")
        return self._heard()

    def _user(self, content: Any, where: str) -> list[Part]:
        if type(content) is str:
            return [Text(content)]
        return [self._part(part, f"{where}[{index}]") for index, part in enumerate(as_list(content, where))]

    def _part(self, part: dict[str, Any], where: str) -> Text | Image:
        """Either has a field of its own for a picture that is named, and for one that is sent."""
        if part.get("type") != "image_url":
            return self._text(part, where)
        self._known_only(part, _IMAGE, where)
        url, data = part.get("imageUrl"), part.get("dataUri")
        if type(url) is dict:
            self._known_only(url, _URL, f"{where}.imageUrl")
            url = url.get("url")
        if type(data) is dict:
            self._known_only(data, _DATA, f"{where}.dataUri")
            data = data.get("data")
        if type(url) is str and data is None:
            return image_of(url, where)
        if type(data) is str and url is None:
            return _sent(data, where)
        raise self._cannot(where)

    def _assistant(self, message: dict[str, Any], where: str) -> list[Part]:
        parts: list[Part] = []
        if thought := text(message, "thinkingContent", f"{where}."):
            parts.append(Thinking(thought))
        if message.get("content") is not None:
            parts += self._texts(message["content"], f"{where}.content")
        calls = message.get("toolCalls")
        for index, call in enumerate([] if calls is None else as_list(calls, f"{where}.toolCalls")):
            parts.append(self._call(call, f"{where}.toolCalls[{index}]"))
        return parts

    def _call(self, call: Any, where: str) -> ToolCall:
        """Its arguments are an object; who has them as a text (of OpenAI's dialect) is understood."""
        function = self._function_of(call, where)
        call_id, arguments = call.get("id"), function.get("arguments")
        if type(call_id) is not str or type(arguments) not in (dict, str, type(None)):
            raise bad(where, "must have an id and arguments", "id와 arguments가 있어야 합니다")
        written = arguments_text(arguments)
        if written is None:  # JSON is read deeper than it is written
            raise bad(f"{where}.function.arguments", "is nested too deeply", "중첩이 너무 깊습니다")
        self._names[call_id] = function["name"]
        return ToolCall(call_id, function["name"], written)

    def _add_result(self, message: dict[str, Any], where: str) -> None:
        call_id = message.get("toolCallId")
        if type(call_id) is not str:
            raise bad(f"{where}.toolCallId", "must name a tool call", "도구 호출의 id여야 합니다")
        texts = self._texts(message.get("content"), f"{where}.content")
        result = ToolResult(call_id, self._names.get(call_id), tuple(texts))
        add_result(self._turns, result)

    def _texts(self, content: Any, where: str) -> list[Text]:
        if type(content) is str:
            return [Text(content)]
        return [self._text(part, f"{where}[{index}]") for index, part in enumerate(as_list(content, where))]

    def _text(self, part: dict[str, Any], where: str) -> Text:
        if part.get("type") != "text" or type(part.get("text")) is not str:
            raise self._cannot(where)
        self._known_only(part, _TEXT, where)
        return Text(part["text"])


def _sent(data: str, where: str) -> Image:
    """A data: URL, or its base64 alone: other dialects want to know the kind."""
    if data[:5].lower() == "data:":
        return image_of(data, where)
    for beginning, media_type in _KINDS.items():
        if data.startswith(beginning):
            return Image(media_type=media_type, data=data)
    raise bad(
        f"{where}.dataUri",
        "must be a PNG, JPEG, GIF or WebP in base64, or a base64 data URL",
        "base64로 된 PNG, JPEG, GIF, WebP 또는 base64 data URL이어야 합니다",
    )
