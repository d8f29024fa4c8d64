"""Events of an Anthropic stream: read whatever way they are written, and written as SDKs want them. Pure.

An event says what it is twice, in its `event:` line and in its data. SDKs take the name from the line and the
meaning from the data, so what goes to a client has both, alike.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import orjson

from providers.json_depth import written_if_shallow
from providers.sse import event_data

# As far as it may stand in a line of its own.
_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MODEL: Final = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')


class Event(NamedTuple):
    kind: str
    said: dict[str, Any]
    data: bytes  # the JSON as it came, on one line

    def frame(self) -> bytes:
        return frame(self.kind, self.data)


def read_event(event: bytes) -> Event | None:
    """None: a comment, or nothing that an SDK could read."""
    data = event_data(event)
    if data is None:
        return None
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None  # cut in the middle, or no JSON
    if type(said) is not dict:
        return None
    name = _name(event)
    kind = said.get("type")
    if type(kind) is not str or name == "error":
        kind = name
    if _NAME.fullmatch(kind) is None:
        return None
    return Event(kind, said, data.replace(b"\n", b" "))  # a line end inside JSON is white space


def frame(kind: str, data: bytes) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def own_frame(kind: str, **said: Any) -> bytes:
    return frame(kind, orjson.dumps({"type": kind, **said}))


def with_model(data: bytes, answer: dict[str, Any], message: dict[str, Any], product_id: str) -> bytes:
    """`data` is `answer` as JSON, `message` the part of it that names the model.

    By bytes where it is named once, so that the rest stays as the vendor wrote it; else written anew. JSON is
    read to a depth of 1,024 and written to 254: what lies between stays as it is.
    """
    if "model" in message and data.count(b'"model"') == 1 and (found := _MODEL.search(data)) is not None:
        return data[: found.start(1)] + orjson.dumps(product_id) + data[found.end(1) :]
    message["model"] = product_id
    return written_if_shallow(answer) or data


def _name(event: bytes) -> str:
    """The `event:` line, the last one if there are several; "" without one."""
    name = b""
    for line in event.replace(b"\r", b"\n").split(b"\n"):
        if line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ")
    return name.decode("ascii", "replace")
