"""What has been seen of one Anthropic stream so far: usage, its end, errors, how much was said. Pure.

Usage comes twice. The first event has the input and a number for the output that counts nothing yet; the
last but one has the whole call, cumulative, of which a field that is absent or null stands as it was. Until
then there is no usage: a stream that is cut must not be charged at the first number.
"""

from __future__ import annotations

from typing import Any, Final

from metering.usage import Usage
from providers.anthropic.errors import error_of
from providers.anthropic.events import Event
from providers.anthropic.kept import container_of
from providers.anthropic.usage import counts_output, input_of, usage_of
from providers.errors import VendorError
from providers.progress import StreamProgress

# Texts of a delta that the model did not say.
_NOT_SAID: Final = frozenset({"type", "signature", "encrypted_content"})


class StreamState(StreamProgress):
    """One per stream, fed with what was read of its events."""

    __slots__ = (
        "model",
        "open_blocks",
        "product_id",
        "raw_usage",
        "started",
    )

    def __init__(self, product_id: str) -> None:
        super().__init__()
        self.product_id = product_id
        self.raw_usage: dict[str, Any] = {}
        self.model: str | None = None  # the vendor's name of it
        self.started = False
        self.open_blocks: set[int] = set()

    def observe(self, event: Event) -> None:
        """Take in one event. After the end only a last word on usage, or an error, is one."""
        kind, said = event.kind, event.said
        if self.done and kind not in ("message_delta", "error"):
            return
        if kind == "content_block_delta":
            self._count_delta(said.get("delta"))
        elif kind == "content_block_start":
            if type(index := said.get("index")) is int:
                self.open_blocks.add(index)
        elif kind == "content_block_stop":
            if type(index := said.get("index")) is int:
                self.open_blocks.discard(index)
        elif kind == "message_start":
            self._begin(said.get("message"))
        elif kind == "message_delta":
            delta = said.get("delta")
            if type(delta) is dict:
                self.finished = self.finished or bool(delta.get("stop_reason"))
                self.container_id = container_of(delta) or self.container_id
            self._take_usage(said.get("usage"))
        elif kind == "message_stop":
            self.done = True
        elif kind == "error":
            self.error = error_of(event.said) or VendorError(status=200, message="")

    def told_input(self) -> Usage | None:
        return input_of(self.raw_usage, self.model)

    def _begin(self, message: Any) -> None:
        self.started = True
        if type(message) is not dict:
            return
        if self.upstream_id is None and type(name := message.get("id")) is str and name:
            self.upstream_id = name
        self.container_id = container_of(message)
        if type(model := message.get("model")) is str:
            self.model = model
        self._overlay(message.get("usage"))

    def _take_usage(self, raw: Any) -> None:
        self._overlay(raw)
        if counts_output(raw) and (usage := usage_of(self.raw_usage, self.model)) is not None:
            self.usage = usage

    def _overlay(self, raw: Any) -> None:
        if type(raw) is dict:
            self.raw_usage |= {name: value for name, value in raw.items() if value is not None}

    def _count_delta(self, delta: Any) -> None:
        if type(delta) is not dict:
            return
        length = sum(
            len(text.encode(errors="replace"))
            for name, text in delta.items()
            if type(text) is str and name not in _NOT_SAID
        )
        self.add_text(length)
