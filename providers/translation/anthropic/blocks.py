"""Content blocks of Anthropic messages -> parts. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.facts import BadRequest, bad, flag_or_none, text
from providers.translation.neutral import (
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    inexpressible,
)

# Where the vendor is to cut its cache: other vendors cache by themselves, and answer alike.
BLOCK_HINTS: Final = frozenset({"cache_control"})
_EMPTY: Final[tuple[Any, ...]] = (None, [], {})


class Messages:
    """Reads the messages of one request."""

    def __init__(self, vendor_dialect: str) -> None:
        self._vendor_dialect = vendor_dialect
        self._names: dict[str, str] = {}  # of the tools that were called, by the call's id

    def read(self, system: Any, messages: list[Any]) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
        above = self._texts(system, "system") if system is not None else []
        turns: list[Turn] = []
        for index, message in enumerate(messages):
            where = f"messages[{index}]"
            self._nothing_more(message, {"role", "content"}, where)
            role, content = message.get("role"), message.get("content")
            if role == "system" and not turns:
                above += self._texts(content, f"{where}.content")
            elif role == "user":
                turns.append(Turn("user", self._user(content, f"{where}.content")))
            elif role == "assistant":
                turns.append(Turn("assistant", self._assistant(content, f"{where}.content")))
            else:
                raise self._cannot(f"{where}.role")  # elsewhere what the system says stands before all turns
        if turns and turns[-1].role == "assistant":
            # The answer is to go on where this turn stops: other dialects would begin a new one.
            raise self._cannot(f"messages[{len(messages) - 1}].role")
        return tuple(above), tuple(turns)

    def _user(self, content: Any, where: str) -> tuple[Part, ...]:
        if type(content) is str:
            return (Text(content),)
        parts: list[Part] = []
        for block, place in self._blocks(content, where):
            if block.get("type") == "tool_result":
                parts.append(self._result(block, place))
            else:
                parts += self._shown(block, place)
        return tuple(parts)

    def _assistant(self, content: Any, where: str) -> tuple[Part, ...]:
        if type(content) is str:
            return (Text(content),)
        parts: list[Part] = []
        for block, place in self._blocks(content, where):
            match block.get("type"):
                case "text":
                    parts.append(self._text(block, place))
                case "thinking":
                    self._nothing_more(block, {"type", "thinking", "signature"}, place)
                    thought = text(block, "thinking", f"{place}.") or ""
                    parts.append(Thinking(thought, text(block, "signature", f"{place}.")))
                case "redacted_thinking":  # sealed: nobody but the vendor that thought it can read it
                    self._nothing_more(block, {"type", "data"}, place)
                case "tool_use":
                    parts.append(self._call(block, place))
                case _:
                    raise self._cannot(place)
        return tuple(parts)

    def _call(self, block: dict[str, Any], where: str) -> ToolCall:
        if block.get("caller") == {"type": "direct"}:
            block = {**block, "caller": None}
        self._nothing_more(block, {"type", "id", "name", "input"}, where)
        call_id, name, arguments = block.get("id"), block.get("name"), block.get("input")
        if type(call_id) is not str or type(name) is not str or type(arguments) not in (dict, type(None)):
            raise bad(where, "must have an id, a name and an input", "id, name, input가 있어야 합니다")
        self._names[call_id] = name
        try:
            return ToolCall(call_id, name, orjson.dumps(arguments or {}).decode())
        except orjson.JSONEncodeError:  # JSON is read deeper than it is written
            raise bad(f"{where}.input", "is nested too deeply", "중첩이 너무 깊습니다") from None

    def _result(self, block: dict[str, Any], where: str) -> ToolResult:
        self._nothing_more(block, {"type", "tool_use_id", "content", "is_error"}, where)
        call_id, content = block.get("tool_use_id"), block.get("content")
        if type(call_id) is not str:
            raise bad(f"{where}.tool_use_id", "must name a tool call", "도구 호출의 id여야 합니다")
        held: list[Text | Image] = []
        if type(content) is str:
            held.append(Text(content))
        elif content is not None:
            for inner, place in self._blocks(content, f"{where}.content"):
                held += self._shown(inner, place)
        is_error = flag_or_none(block, "is_error", f"{where}.") is True
        return ToolResult(call_id, self._names.get(call_id), tuple(held), is_error)

    def _shown(self, block: dict[str, Any], where: str) -> list[Text | Image]:
        match block.get("type"):
            case "text":
                return [self._text(block, where)]
            case "image":
                return [self._image(block, where)]
            case "document":
                return list(self._document(block, where))
        raise self._cannot(where)

    def _image(self, block: dict[str, Any], where: str) -> Image:
        self._nothing_more(block, {"type", "source"}, where)
        match block.get("source"):
            case {"type": "base64", "media_type": str(media_type), "data": str(data), **more}:
                image = Image(media_type=media_type, data=data)
            case {"type": "url", "url": str(url), **more}:
                image = Image(url=url)
            case _:
                raise self._cannot(f"{where}.source")
        self._nothing_more(more, set(), f"{where}.source")
        return image

    def _document(self, block: dict[str, Any], where: str) -> list[Text]:
        """Text is text wherever it stands; its title and context go before it."""
        if block.get("citations") == {"enabled": False}:
            block = {**block, "citations": None}
        self._nothing_more(block, {"type", "source", "title", "context"}, where)
        match block.get("source"):
            case {"type": "text", "data": str(data), **more}:
                texts = [Text(data)]
                if more.pop("media_type", None) not in (None, "text/plain"):
                    raise self._cannot(f"{where}.source.media_type")
            case {"type": "content", "content": content, **more}:
                texts = self._texts(content, f"{where}.source.content")
            case _:
                raise self._cannot(f"{where}.source")
        self._nothing_more(more, set(), f"{where}.source")
        above = [text(block, name, f"{where}.") for name in ("title", "context")]
        return [*(Text(said) for said in above if said), *texts]

    def _texts(self, content: Any, where: str) -> list[Text]:
        if type(content) is str:
            return [Text(content)]
        return [self._text(block, place) for block, place in self._blocks(content, where)]

    def _text(self, block: dict[str, Any], where: str) -> Text:
        if block.get("type") != "text":
            raise self._cannot(where)
        self._nothing_more(block, {"type", "text"}, where)
        if type(block.get("text")) is not str:
            raise bad(f"{where}.text", "must be a text", "텍스트여야 합니다")
        return Text(block["text"])

    def _blocks(self, content: Any, where: str) -> list[tuple[dict[str, Any], str]]:
        if type(content) is not list:
            raise bad(where, "must be a text or a list of blocks", "텍스트 또는 블록 목록이어야 합니다")
        for index, block in enumerate(content):
            if type(block) is not dict:
                raise bad(f"{where}[{index}]", "must be an object", "객체여야 합니다")
        return [(block, f"{where}[{index}]") for index, block in enumerate(content)]

    def _nothing_more(self, block: dict[Any, Any], known: set[str], where: str) -> None:
        for name in sorted(block.keys() - known - BLOCK_HINTS):
            if block[name] not in _EMPTY:
                raise self._cannot(f"{where}.{name[:64]}")

    def _cannot(self, where: str) -> BadRequest:
        return inexpressible(where, self._vendor_dialect)
