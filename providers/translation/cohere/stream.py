"""Events of a Cohere stream -> Delta by Delta. Pure."""

from __future__ import annotations

from typing import Any

from providers.cohere.stream import message_of, read_event
from providers.translation.cohere.reply import ending_of, said_parts
from providers.translation.neutral import (
    CallDelta,
    ChoiceEnd,
    Delta,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
)


class Listener:
    """One per stream."""

    def __init__(self) -> None:
        self._calls: list[int] = []  # their indexes, in the order in which they began

    def feed(self, event: bytes) -> list[Delta]:
        said = read_event(event)
        if said is None:
            return []
        message = message_of(said)
        match said.get("type"):
            case "content-start" | "content-delta":
                return _texts(message.get("content"))
            case "tool-plan-delta":
                return _texts(message.get("tool_plan"))
            case "tool-call-start" | "tool-call-delta":
                return self._call(said.get("index"), message.get("tool_calls"))
            case "message-end" if type(delta := said.get("delta")) is dict:
                return [ChoiceEnd(0, ending_of(delta))]
        return []

    def _call(self, index: Any, call: Any) -> list[Delta]:
        if type(call) is not dict:
            return []
        number = index if type(index) is int else (self._calls or [0])[-1]
        if number not in self._calls:
            self._calls.append(number)
        function = call.get("function")
        function = function if type(function) is dict else {}
        call_id, name, piece = call.get("id"), function.get("name"), function.get("arguments")
        return [
            CallDelta(
                0,
                self._calls.index(number),
                call_id if type(call_id) is str and call_id else None,
                name if type(name) is str and name else None,
                piece if type(piece) is str else "",
            )
        ]


def _texts(content: Any) -> list[Delta]:
    deltas: list[Delta] = []
    for part in said_parts(content):
        if isinstance(part, Text):
            deltas.append(TextDelta(0, part.text))
        elif isinstance(part, Thinking):
            deltas.append(ThinkingDelta(0, part.text))
    return deltas
