"""Delta by Delta -> events of a streamed response. Pure.

What ends the stream carries the whole response: it is said after the settlement.
"""

from __future__ import annotations

from typing import Any

import orjson

from metering.usage import Usage
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.openai_responses.errors import error_event
from providers.openai_responses.stream import named_frame
from providers.sse import comment_frame
from providers.translation.neutral import Delta, Ending
from providers.translation.openai_responses.output import WHOLE, Output
from providers.translation.openai_responses.repeats import Repeats
from providers.translation.openai_responses.reply import ended


class Speaker:
    """One per stream. It has an id of ours, whatever the vendor's is."""

    def __init__(self, product_id: str, facts: RequestFacts) -> None:
        self.reply_id: str | None = None
        self._repeats = Repeats(facts, product_id)
        self._output = Output(self._repeats.stem, as_summary=self._repeats.wants_summary)
        self._sequence_number = -1
        self._last = b""

    def feed(self, deltas: list[Delta]) -> bytes:
        frames = [self._begin()]
        for delta in deltas:
            frames += [self._frame(kind, fields) for kind, fields in self._output.take(delta)]
        return b"".join(frames)

    def finish(self, usage: Usage | None) -> bytes:
        return self._end("stop", usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._end("length", usage)

    def terminal(self) -> bytes:
        return self._last

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        return named_frame("error", error_event(refusal, self._sequence_number + 1))

    def _begin(self) -> bytes:
        """Once."""
        if self._sequence_number >= 0:
            return b""
        response = {"response": self._repeats.response()}
        return self._frame("response.created", response) + self._frame("response.in_progress", response)

    def _end(self, otherwise: Ending, usage: Usage | None) -> bytes:
        ending = self._output.ending or otherwise
        frames = [self._begin()]
        frames += [self._frame(kind, fields) for kind, fields in self._output.end(ending)]
        kind = "response.completed" if ending in WHOLE else "response.incomplete"
        self._last = self._frame(kind, {"response": ended(self._repeats, self._output, ending, usage)})
        return b"".join(frames)

    def _frame(self, kind: str, fields: dict[str, Any]) -> bytes:
        self._sequence_number += 1
        event = {"type": kind, "sequence_number": self._sequence_number, **fields}
        return named_frame(kind, orjson.dumps(event))
