"""Delta by Delta -> events of a CLOVA Studio stream, v3 or v1. Pure.

`token` events tell the answer piece by piece, and `result` all of it once more: that is made of what was
told, as a whole answer is. A piece of a call belongs to the one that began last: where a vendor tells several
in turns, one waits until the other is whole.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from metering.usage import Usage
from providers.clova.errors import error_frame
from providers.clova.events import frame
from providers.clova.stream import SIGNAL_FRAME
from providers.clova.version import V3, Version
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.sse import comment_frame
from providers.translation.clova.result import call_id, result_of, token_of
from providers.translation.gathering import Gathering
from providers.translation.neutral import (
    A_PICTURE,
    CallDelta,
    ChoiceEnd,
    Delta,
    Ending,
    ImageDelta,
    ThinkingDelta,
    left_out,
)


class Speaker:
    """One per stream. Its answers have no id of their own; each event has one."""

    def __init__(self, product_id: str, facts: RequestFacts, version: Version = V3) -> None:
        self.reply_id: str | None = None
        self._facts = facts
        self._version = version
        self._gathering = Gathering()
        self._calls: set[int] = set()  # that have begun
        self._open: int | None = None  # the last of them
        self._arguments: list[str] = []  # of the open one
        self._waiting: dict[int, list[CallDelta]] = {}
        self._events = 0
        self._is_over = False

    def feed(self, deltas: list[Delta]) -> bytes:
        told = [delta for delta in deltas if delta.choice == 0]  # the dialect has one
        self._gathering.feed(told)
        return b"".join([self._take(delta) for delta in told])

    def finish(self, usage: Usage | None) -> bytes:
        return self._end("stop", usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._end("length", usage)

    def terminal(self) -> bytes:
        return SIGNAL_FRAME

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        return error_frame(refusal)

    def _take(self, delta: Delta) -> bytes:
        if isinstance(delta, CallDelta):
            return self._take_call(delta)
        if isinstance(delta, ChoiceEnd):
            return b""
        if isinstance(delta, ImageDelta):  # its answers have none
            return self._token({"content": left_out(A_PICTURE).text})
        name = "thinkingContent" if isinstance(delta, ThinkingDelta) else "content"
        return self._token({name: delta.text}) if delta.text else b""

    def _take_call(self, delta: CallDelta) -> bytes:
        if delta.call == self._open:
            return self._say(delta)
        if delta.call in self._calls:
            return b""  # it was whole already
        if self._waiting or not self._is_whole():
            self._waiting.setdefault(delta.call, []).append(delta)
            return b""
        return self._say(delta)

    def _is_whole(self) -> bool:
        """Asked of each call once: what has to wait for it waits until the end."""
        if self._open is None:
            return True
        try:
            orjson.loads("".join(self._arguments))
        except orjson.JSONDecodeError:
            return False
        return True

    def _say(self, delta: CallDelta) -> bytes:
        call: dict[str, Any] = {"index": delta.call, "type": "function"}
        function: dict[str, Any] = {"partialJson": delta.arguments}
        if delta.call != self._open:
            self._calls.add(delta.call)
            self._open, self._arguments = delta.call, []
            call["id"] = call_id(delta.call_id, delta.call)
            function["name"] = delta.name or ""
        elif not delta.arguments:
            return b""
        self._arguments.append(delta.arguments)
        return self._token({"toolCalls": [{**call, "function": function}]})

    def _end(self, ending: Ending, usage: Usage | None) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        frames = [self._say(delta) for deltas in self._waiting.values() for delta in deltas]
        reply = msgspec.structs.replace(self._gathering.reply(self.reply_id, ending), usage=usage)
        frames.append(self._event(b"result", result_of(reply, self._facts, self._version)))
        return b"".join(frames)

    def _token(self, message: dict[str, Any]) -> bytes:
        return self._event(b"token", token_of(message, self._facts, self._version))

    def _event(self, name: bytes, said: dict[str, Any]) -> bytes:
        identity = f"{self._facts.op or 'translated'}-{self._events}"
        self._events += 1
        return frame(name, orjson.dumps(said), identity.encode())
