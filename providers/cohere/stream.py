"""One Cohere stream as it is read: usage, ends, errors, and how much was said. Pure.

Events name their kind in `type`; `message-end` has the finish reason and the usage, `[DONE]` follows, not
always. What is between the text (citations, plans' ends) is looked at and passed over.
"""

from __future__ import annotations

from typing import Any, Final

from providers.cohere.answer import message_bytes
from providers.cohere.errors import error_of
from providers.cohere.usage import usage_of
from providers.errors import VendorError
from providers.sse import event_object, is_done
from providers.vendor_only import ListeningFold
from providers.vendor_text import clean

_SAYING: Final = frozenset(
    {"content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta"}
)


def message_of(said: dict[str, Any]) -> dict[str, Any]:
    """The piece of the message that an event brings."""
    delta = said.get("delta")
    message = delta.get("message") if type(delta) is dict else None
    return message if type(message) is dict else {}


class StreamFold(ListeningFold):
    """One per stream."""

    def feed(self, event: bytes) -> bytes:
        said = event_object(event)
        if said is None:
            self.done = self.done or is_done(event)
            return b""
        kind, delta = said.get("type"), said.get("delta")
        if type(kind) is not str:
            if type(text := said.get("message")) is str:  # an answer that is no stream
                self.error = VendorError(status=200, message=clean(text))
        elif kind == "message-start":
            if type(named := said.get("id")) is str and named:
                self.upstream_id = named
        elif kind == "message-end" and type(delta) is dict:
            self.finished = True
            self.usage = usage_of(delta.get("usage")) or self.usage
            self.error = error_of(delta) or self.error
        elif kind in _SAYING:
            self.add_text(message_bytes(message_of(said)))
        return b""
