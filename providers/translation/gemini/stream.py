"""Chunks of a Gemini stream -> Delta by Delta. Pure."""

from __future__ import annotations

import orjson

from providers.facts import CHOICES_MAX
from providers.gemini.progress import candidates_of
from providers.gemini.stream import data_of
from providers.translation.calls import CallIds
from providers.translation.gemini.reply import ending_of, is_blocked, said_parts
from providers.translation.neutral import (
    CallDelta,
    ChoiceEnd,
    Delta,
    Said,
    ToolCall,
    part_delta,
)


class Listener:
    """One per stream. A call comes whole, in one part."""

    def __init__(self) -> None:
        self._ids = CallIds()
        self._reply_id: str | None = None
        self._calls: dict[int, int] = {}  # how many, of each choice that has begun
        self._ended: set[int] = set()

    def feed(self, event: bytes) -> list[Delta]:
        try:
            chunk = orjson.loads(data_of(event))
        except orjson.JSONDecodeError:
            return []
        if type(chunk) is not dict:
            return []
        if self._reply_id is None and type(chunk.get("responseId")) is str:
            self._reply_id = chunk["responseId"]
        deltas: list[Delta] = []
        for index, candidate in candidates_of(chunk):
            if index not in self._calls and len(self._calls) == CHOICES_MAX:
                continue
            self._calls.setdefault(index, 0)
            for part in said_parts(candidate, self._ids, self._reply_id):
                deltas.append(self._said(index, part))
            ending = ending_of(candidate.get("finishReason"), calls=self._calls[index] > 0)
            if ending is not None and index not in self._ended:
                self._ended.add(index)
                deltas.append(ChoiceEnd(index, ending))
        if not self._calls and not self._ended and is_blocked(chunk):
            self._ended.add(0)
            deltas.append(ChoiceEnd(0, "filtered"))
        return deltas

    def _said(self, index: int, part: Said) -> Delta:
        if not isinstance(part, ToolCall):
            return part_delta(index, part)
        number = self._calls[index]
        self._calls[index] += 1
        return CallDelta(index, number, part.call_id, part.name, part.arguments)
