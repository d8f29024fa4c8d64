"""Events of a CLOVA Studio stream -> Delta by Delta. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from providers.clova.events import read_event
from providers.translation.calls import arguments_text
from providers.translation.clova.reply import ending_of, said_parts
from providers.translation.neutral import (
    CallDelta,
    ChoiceEnd,
    Delta,
    Ending,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    part_delta,
)


class Listener:
    """One per stream. `result` repeats all that was said: of it only what no token event brought is told."""

    def __init__(self) -> None:
        self._said: set[type] = set()  # which kinds
        self._calls = 0
        self._call_id: Any = None  # of the last that began
        self._ending: Ending | None = None
        self._has_ended = False

    def feed(self, event: bytes) -> list[Delta]:
        read = read_event(event)
        if read is None:
            return []
        try:
            said = orjson.loads(read.data)
        except orjson.JSONDecodeError:
            return []
        if type(said) is not dict:
            return []
        deltas: list[Delta] = []
        if read.name == b"result":
            self._hear_whole(said.get("message"), deltas)
        elif type(message := said.get("message")) is dict:
            self._hear(message, deltas)
        # Kept until nothing more is to come: a token event may say it as well.
        self._ending = ending_of(said) or self._ending
        if (read.name == b"result" or said.get("data") == "[DONE]") and not self._has_ended:
            self._has_ended = True
            deltas.append(ChoiceEnd(0, self._ending or "stop"))
        return deltas

    def _hear(self, message: dict[str, Any], deltas: list[Delta]) -> None:
        if type(thought := message.get("thinkingContent")) is str and thought:
            self._said.add(Thinking)
            deltas.append(ThinkingDelta(0, thought))
        if type(text := message.get("content")) is str and text:
            self._said.add(Text)
            deltas.append(TextDelta(0, text))
        calls = message.get("toolCalls")
        for call in calls if type(calls) is list else []:
            if type(call) is dict:
                self._said.add(ToolCall)
                deltas.append(self._call(call))

    def _call(self, call: dict[str, Any]) -> CallDelta:
        """A call begins with an id of its own; what has none, or the same again, continues the one before."""
        function = call.get("function")
        function = function if type(function) is dict else {}
        call_id, name, piece = call.get("id"), function.get("name"), function.get("partialJson")
        if type(piece) is not str and "arguments" in function:
            piece = arguments_text(function["arguments"])
        begins = not self._calls or (call_id is not None and call_id != self._call_id)
        if begins:
            self._calls += 1
            self._call_id = call_id
        return CallDelta(
            0,
            self._calls - 1,
            call_id if begins and type(call_id) is str else None,
            name if begins and type(name) is str and name else None,
            piece if type(piece) is str else "",
        )

    def _hear_whole(self, message: Any, deltas: list[Delta]) -> None:
        for part in said_parts(message):
            if type(part) in self._said:
                continue
            if isinstance(part, ToolCall):
                deltas.append(CallDelta(0, self._calls, part.call_id, part.name, part.arguments))
                self._calls += 1
            else:
                deltas.append(part_delta(0, part))
