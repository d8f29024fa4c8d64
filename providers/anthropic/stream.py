"""One Anthropic stream on its way through: what the vendor sends -> what the client gets, and what it cost.

Pure, and on the hot path. Nearly every event is a piece of text, and says no more than that: one pattern
tells such an event from all others, to its last byte, and it leaves as it came. All others are parsed. Only
the first names the model.

`text_bytes` is the generated text; of an event that was not parsed as it stands in the JSON, where an escaped
quote counts as two.
"""

from __future__ import annotations

import re
from typing import Any, Final

from metering.usage import Usage
from providers.anthropic.errors import refusal_body
from providers.anthropic.events import Event, frame, own_frame, read_event, with_model
from providers.anthropic.progress import StreamState
from providers.anthropic.usage import usage_to_anthropic
from providers.dialect import Refusal
from providers.sse import COMMENT_FRAME, comment_frame

# The whole of an ordinary event. It never goes back: each repetition is possessive, each alternative begins
# with another byte. Characters written as \uXXXX are left to the parser: Korean would count double. Some
# vendors pad events with white space, so that who watches the wire cannot tell words by their size.
_TEXT_EVENT: Final = re.compile(
    rb"event: content_block_delta\n"
    rb'data: \{"type":"content_block_delta","index":[0-9]{1,6}+,"delta":\{"type":'
    rb'"(?:text_delta","text|input_json_delta","partial_json|thinking_delta","thinking)":'
    rb'"((?:[^"\\\x00-\x1f]++|\\["\\/bfnrt])*+)"[ \t]*+\}[ \t]*+\}[ \t]*+\n\n'
)


class StreamFold(StreamState):
    """Vendor events in, client frames out. One per stream; not for two streams at once.

    `message_stop` is withheld (`done` is set): the caller sends it after settlement, with `terminal`. An
    error event is withheld too (`error` is set): the caller says it in the contract's words, with `failure`.
    """

    __slots__ = ("_last",)

    def __init__(self, product_id: str) -> None:
        super().__init__(product_id)
        self._last = own_frame("message_stop")

    def feed(self, event: bytes) -> bytes:
        """One whole event -> the bytes for the client; b"" where it gets none."""
        found = _TEXT_EVENT.fullmatch(event)
        if found is not None and not self._is_over():
            if length := found.end(1) - found.start(1):
                self.deltas += 1
                self.text_bytes += length
            return event
        read = read_event(event)
        if read is None:
            return COMMENT_FRAME if event.startswith(b":") and not self._is_over() else b""
        self.observe(read)
        if read.kind == "message_stop":
            self._last = read.frame()
        # What follows the end is heard, as the vendor's last word on usage, and not passed on.
        if self._is_over():
            return b""
        return self._with_product(read) if read.kind == "message_start" else read.frame()

    def owed_frames(self) -> bytes:
        """Nothing: who asks for a stream of this dialect is told its usage by every vendor, or by none."""
        return b""

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The client's own frames for the end by length, without the last one."""
        if self.finished:
            return b""
        said = {"output_tokens": self.delivered_tokens()} if usage is None else usage_to_anthropic(usage)
        frames = [] if self.started else [self._own_start(said)]
        frames += [own_frame("content_block_stop", index=index) for index in sorted(self.open_blocks)]
        delta = {"stop_reason": "max_tokens", "stop_sequence": None}
        frames.append(own_frame("message_delta", delta=delta, usage=said))
        return b"".join(frames)

    def terminal(self) -> bytes:
        return self._last

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        """The dialect's in-stream error: official SDKs raise on it."""
        return frame("error", refusal_body(refusal))

    def _is_over(self) -> bool:
        return self.done or self.error is not None

    def _with_product(self, event: Event) -> bytes:
        message = event.said.get("message")
        if type(message) is not dict:
            return event.frame()
        return frame(event.kind, with_model(event.data, event.said, message, self.product_id))

    def _own_start(self, usage: dict[str, Any]) -> bytes:
        return own_frame(
            "message_start", message=empty_message(self.product_id, {**usage, "output_tokens": 0})
        )


def empty_message(product_id: str, usage: dict[str, Any]) -> dict[str, Any]:
    """A message of which nothing has come yet."""
    return {
        "id": "msg_ended",
        "type": "message",
        "role": "assistant",
        "model": product_id,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
