"""Events of a Cohere stream -> Delta by Delta. Pure."""

from __future__ import annotations

from typing import Any

from providers.cohere.stream import message_of
from providers.sse import event_object
from providers.translation.cohere.reply import ENDINGS, said_parts
from providers.translation.neutral import CallDelta, ChoiceEnd, Delta, ending_by, part_delta


class Listener:
    """One per stream."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}  # index -> which of the calls it means now
        self._begun = 0

    def feed(self, event: bytes) -> list[Delta]:
        said = event_object(event)
        if said is None:
            return []
        message = message_of(said)
        match said.get("type"):
            case "content-start" | "content-delta":
                return [part_delta(0, part) for part in said_parts(message.get("content"))]
            case "tool-plan-delta":
                return [part_delta(0, part) for part in said_parts(message.get("tool_plan"))]
            case "tool-call-start":
                self._begun += 1
                if type(index := said.get("index")) is int:
                    self._calls[index] = self._begun - 1
                return self._call(self._begun - 1, message.get("tool_calls"))
            case "tool-call-delta" if self._begun:
                index = said.get("index")
                call = self._calls.get(index) if type(index) is int else None
                last = self._begun - 1
                return self._call(last if call is None else call, message.get("tool_calls"))
            case "message-end" if type(delta := said.get("delta")) is dict:
                return [ChoiceEnd(0, ending_by(ENDINGS, delta.get("finish_reason")))]
        return []

    def _call(self, number: int, said: Any) -> list[Delta]:
        said = said if type(said) is dict else {}
        function = said.get("function")
        function = function if type(function) is dict else {}
        call_id, name, piece = said.get("id"), function.get("name"), function.get("arguments")
        return [
            CallDelta(
                0,
                number,
                call_id if type(call_id) is str and call_id else None,
                name if type(name) is str and name else None,
                piece if type(piece) is str else "",
            )
        ]
