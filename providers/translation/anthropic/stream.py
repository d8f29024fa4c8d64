"""Events of a message stream -> Delta by Delta. Pure."""

from __future__ import annotations

from typing import Any

from providers.anthropic.events import read_event
from providers.translation.anthropic.reply import ENDINGS, arguments_of
from providers.translation.neutral import CallDelta, ChoiceEnd, Delta, TextDelta, ThinkingDelta, ending_by


class _Call:
    """A tool call that is being said. Some vendors begin it with the whole input."""

    def __init__(self, number: int, begun_with: Any) -> None:
        self.number = number
        self.begun_with = begun_with
        self.said = False


class Listener:
    """One per stream. Only calls need their block's number: it tells them from what the vendor's tools do."""

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._begun = 0
        self._ended = False
        self._done = False

    def feed(self, event: bytes) -> list[Delta]:
        read = None if self._done else read_event(event)
        if read is None:
            return []
        said = read.said
        match read.kind:
            case "content_block_start":
                return self._begin(said.get("index"), said.get("content_block"))
            case "content_block_delta":
                return self._continue(said.get("index"), said.get("delta"))
            case "content_block_stop":
                return self._stop(said.get("index"))
            case "message_delta":
                return self._end(said.get("delta"))
            case "message_stop":
                self._done = True
        return []

    def _begin(self, index: Any, block: Any) -> list[Delta]:
        match block:
            case {"type": "text", "text": str(text)} if text:
                return [TextDelta(0, text)]
            case {"type": "thinking", "thinking": str(thought)} if thought:
                return [ThinkingDelta(0, thought)]
            case {"type": "tool_use"} if type(index) is int and index not in self._calls:
                call = self._calls[index] = _Call(self._begun, block.get("input"))
                self._begun += 1
                return [CallDelta(0, call.number, str(block.get("id") or ""), str(block.get("name") or ""))]
        return []

    def _continue(self, index: Any, delta: Any) -> list[Delta]:
        match delta:
            case {"type": "text_delta", "text": str(text)} if text:
                return [TextDelta(0, text)]
            case {"type": "thinking_delta", "thinking": str(thought)} if thought:
                return [ThinkingDelta(0, thought)]
            case {"type": "signature_delta", "signature": str(signature)} if signature:
                return [ThinkingDelta(0, "", signature)]
            case {"type": "input_json_delta", "partial_json": str(piece)} if piece:
                call = self._calls.get(index) if type(index) is int else None
                if call is not None:
                    call.said = True
                    return [CallDelta(0, call.number, arguments=piece)]
        return []

    def _stop(self, index: Any) -> list[Delta]:
        """Where no piece came, the input is what the block began with: elsewhere that is `{}` at least."""
        call = self._calls.get(index) if type(index) is int else None
        if call is None or call.said:
            return []
        call.said = True
        return [CallDelta(0, call.number, arguments=arguments_of(call.begun_with))]

    def _end(self, delta: Any) -> list[Delta]:
        reason = delta.get("stop_reason") if type(delta) is dict else None
        if type(reason) is not str or not reason or self._ended:
            return []
        self._ended = True
        return [ChoiceEnd(0, ending_by(ENDINGS, reason))]
