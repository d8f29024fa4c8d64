"""Events -> one message, for a caller who asked for no stream where the gateway asked for one. Pure.

The gateway streams on such a caller's behalf where money is scarce: a stream can be held, extended and ended
in slices, a whole answer cannot. What the caller gets must be what the vendor would have said at once: texts
are joined, so are the arguments of tools, and any other field is kept, the last value winning.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.anthropic.events import Event, read_event
from providers.anthropic.progress import StreamState
from providers.anthropic.stream import empty_message
from providers.anthropic.usage import usage_to_anthropic
from providers.json_depth import written_if_shallow

# Said whole each time: joining them would double them.
_SAID_ONCE: Final = frozenset({"signature", "encrypted_content"})
_EVENT_ONLY: Final = frozenset({"type", "delta", "usage", "index"})


class Assembler(StreamState):
    """The same events as `StreamFold` reads; `answer()` at the end."""

    __slots__ = ("_arguments", "_blocks", "_message")

    def __init__(self, product_id: str) -> None:
        super().__init__(product_id)
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, list[str]] = {}  # JSON in pieces

    def feed(self, event: bytes) -> None:
        read = read_event(event)
        if read is None:
            return
        was_done = self.done
        self.observe(read)
        if not was_done and _can_be_written(read.said):
            self._take(read)

    def answer(self, usage: Usage | None = None) -> bytes:
        """The message as the vendor would have given it whole. `usage` is used where it said none."""
        said = self.raw_usage
        if self.usage is None and usage is not None:
            said = usage_to_anthropic(usage)
        out = {**empty_message(self.product_id, {}), **self._message, "model": self.product_id, "usage": said}
        out["content"] = [self._block(index) for index in sorted(self._blocks)]
        return orjson.dumps(out)

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The message where the gateway ended the stream: by length."""
        if self._message.get("stop_reason") is None:
            self._message["stop_reason"] = "max_tokens"
        return self.answer(usage)

    def _take(self, event: Event) -> None:
        said = event.said
        index = said.get("index")
        if event.kind == "message_start":
            if type(message := said.get("message")) is dict:
                self._message |= message
        elif event.kind == "content_block_start":
            if type(index) is int and type(block := said.get("content_block")) is dict:
                self._blocks[index] = dict(block)
        elif event.kind == "content_block_delta":
            if type(index) is int and type(delta := said.get("delta")) is dict:
                self._take_delta(index, delta)
        elif event.kind == "message_delta":
            delta = said.get("delta")
            self._message |= delta if type(delta) is dict else {}
            self._message |= {name: value for name, value in said.items() if name not in _EVENT_ONLY}

    def _take_delta(self, index: int, delta: dict[str, Any]) -> None:
        block = self._blocks.setdefault(index, {"type": "text"})
        for name, value in delta.items():
            if name == "type":
                continue
            if name == "partial_json" and type(value) is str:
                self._arguments.setdefault(index, []).append(value)
            elif name == "citation":
                known = block.get("citations")
                block["citations"] = [*known, value] if type(known) is list else [value]
            else:
                block[name] = _continued(name, block.get(name), value)

    def _block(self, index: int) -> dict[str, Any]:
        block = self._blocks[index]
        said = "".join(self._arguments.get(index, ()))
        if said:
            try:
                orjson.loads(said)
            except orjson.JSONDecodeError:
                return block  # cut in the middle: what the vendor began the block with stands
            block["input"] = orjson.Fragment(said)
        return block


def _can_be_written(said: dict[str, Any]) -> bool:
    """JSON is read to a depth of 1,024 and written to 254; in the message it stands a little deeper."""
    return written_if_shallow([[said]]) is not None


def _continued(name: str, known: Any, value: Any) -> Any:
    if name in _SAID_ONCE or type(known) is not type(value):
        return known if value is None else value
    if type(value) is str:
        return known + value
    if type(value) is list:
        return [*known, *value]
    return value
