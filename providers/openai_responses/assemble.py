"""Events -> one response, for a caller who asked for no stream where the gateway asked for one. Pure.

The event that ends the stream carries the whole response: that is the answer. Only where it never came, since
the balance ended first, the answer is put together from the others.
"""

from __future__ import annotations

import orjson

from metering.usage import Usage
from providers.openai_responses.progress import StreamState, delta_of
from providers.openai_responses.usage import usage_to_responses
from providers.sse import event_data


class Assembler(StreamState):
    """The same events as `ResponseFold` reads; `answer()` at the end."""

    __slots__ = ()

    def feed(self, event: bytes) -> None:
        data = event_data(event)
        if data is None or (self.done and not self.begins_anew(data)):
            return
        if (delta := delta_of(data)) is not None:
            self.take_delta(delta)
            return
        if (parsed := self.event_of(data)) is not None:
            self.observe(parsed, len(data))

    def answer(self, usage: Usage | None = None) -> bytes:
        """As the vendor would have given it whole. `usage` is used where the vendor said none."""
        if self.ended is None:
            return orjson.dumps(self.own_response(usage, is_cut=False))
        answer = self.ended | {"model": self.product_id}
        if not answer.get("output"):
            answer["output"] = self.output.output()
        if answer.get("usage") is None and usage is not None:
            answer["usage"] = usage_to_responses(usage)
        return orjson.dumps(answer)

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The answer where the gateway ended the stream."""
        if self.ended is not None:
            return self.answer(usage)
        return orjson.dumps(self.own_response(usage, is_cut=True))
