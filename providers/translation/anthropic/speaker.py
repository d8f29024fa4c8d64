"""Delta by Delta -> events of a message stream. Pure.

A message is said block by block: one is open at a time. Vendors of other dialects may say several tool calls
at once, or a word in the midst of one. What comes while a call is open that is not whole yet waits for the
end of the stream; so does what follows it. Nothing is lost by that but time, and only where vendors do so.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.anthropic.errors import refusal_body
from providers.anthropic.events import frame, own_frame
from providers.anthropic.stream import empty_message
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.sse import comment_frame
from providers.translation.anthropic.reply import own_id, stop_reason, usage_said
from providers.translation.neutral import (
    A_PICTURE,
    CallDelta,
    ChoiceEnd,
    Delta,
    Ending,
    ImageDelta,
    TextDelta,
    ThinkingDelta,
    left_out,
)

_STOP: Final = own_frame("message_stop")
_NOTHING_YET: Final = {"input_tokens": 0, "output_tokens": 0}

_Said = TextDelta | ThinkingDelta | CallDelta


class Speaker:
    """One per stream."""

    def __init__(self, product_id: str, facts: RequestFacts) -> None:
        self.reply_id: str | None = None
        self._product_id = product_id
        self._facts = facts
        self._begun = False
        self._is_over = False
        self._index = -1  # of the block begun last
        self._open: tuple[str, int] | None = None  # its kind, and which call it is
        self._arguments: list[str] = []  # of the open call
        self._calls: set[int] = set()  # that have been begun
        self._waiting: list[_Said] = []
        self._ending: Ending | None = None

    def feed(self, deltas: list[Delta]) -> bytes:
        return b"".join([self._take(delta) for delta in deltas if delta.choice == 0])

    def finish(self, usage: Usage | None) -> bytes:
        return self._end(self._ending or "stop", usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._end(self._ending or "length", usage)

    def terminal(self) -> bytes:
        return _STOP

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        return frame("error", refusal_body(refusal))

    def _take(self, delta: Delta) -> bytes:
        if isinstance(delta, ChoiceEnd):
            self._ending = self._ending or delta.ending
            return b""
        if isinstance(delta, ImageDelta):  # its answers have none
            delta = TextDelta(0, left_out(A_PICTURE).text)
        block = _block_of(delta)
        if block == self._open:
            return self._say(delta)
        if isinstance(delta, CallDelta) and delta.call in self._calls:
            return b""  # of a call that was whole already
        if self._waiting or not self._may_close():
            self._waiting.append(delta)
            return b""
        return self._close() + self._say(delta)

    def _may_close(self) -> bool:
        """Asked of each call once: what has to wait for it waits until the end."""
        if self._open is None or self._open[0] != "tool_use":
            return True
        try:
            orjson.loads("".join(self._arguments))
        except orjson.JSONDecodeError:
            return False
        return True

    def _say(self, delta: _Said) -> bytes:
        begin = b""
        block = _block_of(delta)
        if block != self._open:
            begin = self._begin_message() + self._begin_block(block, delta)
        if isinstance(delta, TextDelta):
            said: list[dict[str, Any]] = [{"type": "text_delta", "text": delta.text}]
        elif isinstance(delta, CallDelta):
            self._arguments.append(delta.arguments)
            said = [{"type": "input_json_delta", "partial_json": delta.arguments}] if delta.arguments else []
        else:
            said = [{"type": "thinking_delta", "thinking": delta.text}] if delta.text else []
            if delta.signature:
                said.append({"type": "signature_delta", "signature": delta.signature})
        frames = [own_frame("content_block_delta", index=self._index, delta=piece) for piece in said]
        return begin + b"".join(frames)

    def _begin_message(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message = {
            **empty_message(self._product_id, dict(_NOTHING_YET)),
            "id": self.reply_id or own_id(self._facts),
        }
        return own_frame("message_start", message=message)

    def _begin_block(self, block: tuple[str, int], delta: _Said) -> bytes:
        self._index += 1
        self._open = block
        self._arguments = []
        begun: dict[str, Any] = {"type": block[0]}
        if isinstance(delta, CallDelta):
            self._calls.add(delta.call)
            begun |= {"id": delta.call_id or f"toolu_{delta.call}", "name": delta.name or "", "input": {}}
        elif isinstance(delta, TextDelta):
            begun["text"] = ""
        else:
            begun |= {"thinking": "", "signature": ""}
        return own_frame("content_block_start", index=self._index, content_block=begun)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return own_frame("content_block_stop", index=self._index)

    def _end(self, ending: Ending, usage: Usage | None) -> bytes:
        if self._is_over:
            return b""
        self._is_over = True
        frames = [self._begin_message(), self._close()]
        for delta in _in_blocks(self._waiting):
            if _block_of(delta) != self._open:
                frames.append(self._close())
            frames.append(self._say(delta))
        frames.append(self._close())
        reason = stop_reason(ending, calls=bool(self._calls))
        delta_said = {"stop_reason": reason, "stop_sequence": None}
        frames.append(own_frame("message_delta", delta=delta_said, usage=usage_said(usage)))
        return b"".join(frames)


def _block_of(delta: _Said) -> tuple[str, int]:
    if isinstance(delta, TextDelta):
        return "text", 0
    if isinstance(delta, ThinkingDelta):
        return "thinking", 0
    return "tool_use", delta.call


def _in_blocks(waiting: list[_Said]) -> list[_Said]:
    """Each call's pieces together, where its first one stands; all else in the order in which it came."""
    pieces: dict[int, list[_Said]] = {}
    for delta in waiting:
        if isinstance(delta, CallDelta):
            pieces.setdefault(delta.call, []).append(delta)
    ordered: list[_Said] = []
    for delta in waiting:
        if isinstance(delta, CallDelta):
            ordered += pieces.pop(delta.call, [])
        else:
            ordered.append(delta)
    return ordered
