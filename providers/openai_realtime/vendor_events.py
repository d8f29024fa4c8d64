"""What a vendor says in a session: which event, of which response, and what the client gets of it. Pure.

Every field may hold any type: a vendor's word is read, never trusted.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from metering.usage import Usage
from providers.json_depth import written_if_shallow
from providers.openai_realtime.usage import usage_of

BEGUN: Final = "response.created"
DONE: Final = "response.done"
ERROR: Final = "error"
CREATED: Final = "session.created"
SESSION: Final = frozenset({CREATED, "session.updated"})

_ID_CHARACTERS_MAX: Final = 512
_RENAMED: Final = ("session", "response")  # objects that may carry the vendor's model


class VendorEvent(msgspec.Struct, frozen=True):
    kind: str
    body: dict[str, Any]
    response_id: str | None = None

    @property
    def response(self) -> dict[str, Any]:
        value = self.body.get("response")
        return value if type(value) is dict else {}

    @property
    def session(self) -> dict[str, Any]:
        value = self.body.get("session")
        return value if type(value) is dict else {}

    @property
    def delta(self) -> str | None:
        """A piece of what a response delivers."""
        value = self.body.get("delta")
        return value if type(value) is str and self.kind.endswith(".delta") else None

    @property
    def usage(self) -> Usage | None:
        return usage_of(self.response.get("usage"))

    @property
    def has_failed(self) -> bool:
        return self.response.get("status") == "failed"

    @property
    def is_aside(self) -> bool:
        """A response beside the conversation: it leaves nothing for the next one."""
        return "conversation_id" in self.response and self.response["conversation_id"] is None

    @property
    def blames(self) -> str | None:
        """Of an error: the client's event it is about."""
        error = self.body.get("error")
        return _id(error.get("event_id")) if type(error) is dict else None


def read_vendor_event(text: str) -> VendorEvent | None:
    """None: no event at all; it means nothing to us."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if type(body) is not dict or type(body.get("type")) is not str:
        return None
    response = body.get("response")
    named = _id(body.get("response_id")) or (_id(response.get("id")) if type(response) is dict else None)
    return VendorEvent(body["type"], body, named)


def unread(text: str) -> str | None:
    """What is no event means nothing, and passes; but an object that only we cannot read may mean much."""
    return None if text.lstrip().startswith("{") else text


def for_client(event: VendorEvent, text: str, *, product_id: str) -> str:
    """The same text, but for the vendor's name of the model."""
    changed = False
    for name in (None, *_RENAMED):
        holder = event.body if name is None else event.body.get(name)
        if type(holder) is dict and "model" in holder and holder["model"] is not None:
            holder["model"] = product_id
            changed = True
    if event.session.get("client_secret") is not None:
        event.session["client_secret"] = None  # a key to the vendor itself, past the meter
        changed = True
    return _written(event) if changed else text


def blaming(event: VendorEvent, event_id: str | None) -> str:
    """An error about an event that we gave a name of ours: under the client's own, where it had one."""
    event.body["error"]["event_id"] = event_id
    return _written(event)


def _written(event: VendorEvent) -> str:
    """Of one nested deeper than can be written, its plain fields: as it came it holds what was replaced."""
    out = written_if_shallow(event.body)
    return (orjson.dumps(_plain(event.body, levels=2)) if out is None else out).decode()


def _plain(said: dict[str, Any], levels: int) -> dict[str, Any]:
    plain = {}
    for name, value in said.items():
        if type(value) is dict and levels > 1:
            plain[name] = _plain(value, levels - 1)
        elif type(value) not in (dict, list):
            plain[name] = value
    return plain


def _id(value: Any) -> str | None:
    return value if type(value) is str and 0 < len(value) <= _ID_CHARACTERS_MAX else None


__all__ = [
    "BEGUN", "CREATED", "DONE", "ERROR", "SESSION",
    "VendorEvent", "blaming", "for_client", "read_vendor_event", "unread",
]  # fmt: skip
