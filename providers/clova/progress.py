"""What has been seen of one CLOVA Studio stream so far: usage, ends, errors, and what was said. Pure.

`token` events bring the answer piece by piece; `result` repeats all of it with the usage. What is repeated is
not counted again; what was said is kept, since an end of our own making must repeat it as well. Only `result`
has the usage: v1 puts counts into every token event, which do not add up to it.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.clova.errors import error_of
from providers.clova.usage import usage_of
from providers.clova.version import REASON_FIELDS, Version
from providers.errors import VendorError
from providers.json_depth import written_if_shallow
from providers.progress import StreamProgress

_TEXTS: Final = ("content", "thinkingContent")
_KNOWN: Final = frozenset({b"", b"token", b"result", b"signal"})


class StreamState(StreamProgress):
    """One per stream. The vendor says no id: it is told ours."""

    __slots__ = (
        "_calls",
        "_texts",
        "created",
        "has_result",
        "reason",
        "seed",
        "version",
    )

    def __init__(self, version: Version) -> None:
        super().__init__()
        self.version = version
        self.has_result = False
        self.reason: str | None = None
        self.created: int | None = None
        self.seed: int | None = None
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._calls: list[dict[str, Any]] = []

    def observe(self, name: bytes, data: bytes) -> bool:
        """Take in one event. -> whether it is for a client."""
        try:
            said = orjson.loads(data)
        except orjson.JSONDecodeError:
            said = None
        error = error_of(said)
        if error is not None or name == b"error":
            self.error = error or VendorError(status=200, message="")
            return False
        if type(said) is not dict:
            return name not in _KNOWN  # no client could read it; of others we cannot tell
        if said.get("data") == "[DONE]" and name in (b"signal", b""):
            self.done = True
            return False
        if name == b"result":
            self._take_result(said)
        elif type(message := said.get("message")) is dict:
            self._take_message(message)
            self._take_reason(said)
        if self.created is None and type(created := said.get("created")) is int:
            self.created = created
        if self.seed is None and type(seed := said.get("seed")) is int:
            self.seed = seed
        return True

    def ended(self, reason: str | None, usage: Usage | None) -> dict[str, Any]:
        """A `result` of our own making: what was said so far."""
        result: dict[str, Any] = {"message": self.message(), self.version.reason_field: reason}
        if self.created is not None:
            result["created"] = self.created
        if self.seed is not None:
            result["seed"] = self.seed
        return result | self.version.usage_fields(usage)

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts["content"])}
        if self._texts["thinkingContent"]:
            message["thinkingContent"] = "".join(self._texts["thinkingContent"])
        if calls := [whole for call in self._calls if (whole := _whole_call(call)) is not None]:
            message["toolCalls"] = calls
        return message

    def _take_result(self, result: dict[str, Any]) -> None:
        self.finished = self.has_result = True
        self._take_reason(result)
        if (usage := usage_of(result)) is not None:
            self.usage = usage
        length = message_bytes(result.get("message"))
        if length > self.text_bytes:  # no token events, or a fault: what is said at once is delivered as well
            self.text_bytes = length
            self.deltas = max(self.deltas, 1)

    def _take_reason(self, said: dict[str, Any]) -> None:
        for field in REASON_FIELDS:
            if type(reason := said.get(field)) is str and reason:
                self.finished = True
                self.reason = reason

    def _take_message(self, message: dict[str, Any]) -> None:
        length = 0
        for name in _TEXTS:
            if type(text := message.get(name)) is str and text:
                self._texts[name].append(text)
                length += len(text.encode(errors="replace"))
        if type(calls := message.get("toolCalls")) is list:
            length += sum(self._take_call(call) for call in calls if type(call) is dict)
        self.add_text(length)

    def _take_call(self, call: dict[str, Any]) -> int:
        """A call begins with its id; what has none continues the one before. -> bytes of it"""
        function = call.get("function")
        function = function if type(function) is dict else {}
        name, piece = function.get("name"), function.get("partialJson")
        name, piece = name if type(name) is str else "", piece if type(piece) is str else ""
        if not self._calls or call.get("id") is not None:
            self._calls.append({"id": call.get("id"), "name": name, "pieces": []})
        self._calls[-1]["pieces"].append(piece)
        return len(name.encode(errors="replace")) + len(piece.encode(errors="replace"))


def message_bytes(message: Any) -> int:
    """Of the generated text in a whole message."""
    if type(message) is not dict:
        return 0
    length = sum(len(text.encode(errors="replace")) for n in _TEXTS if type(text := message.get(n)) is str)
    calls = message.get("toolCalls")
    for call in calls if type(calls) is list else ():
        function = call.get("function") if type(call) is dict else None
        if type(function) is dict:
            name, arguments = function.get("name"), function.get("arguments")
            length += len(name.encode(errors="replace")) if type(name) is str else 0
            length += 0 if arguments is None else _json_bytes(arguments)
    return length


def _whole_call(call: dict[str, Any]) -> dict[str, Any] | None:
    """As a `result` has it, with its arguments as an object; None while they are not whole, or too deep."""
    try:
        arguments = orjson.loads("".join(call["pieces"]) or "{}")
    except orjson.JSONDecodeError:
        return None
    function = {"name": call["name"], "arguments": arguments}
    whole = {"id": call["id"], "type": "function", "function": function}
    return whole if _json_bytes([[[whole]]]) else None  # in a `result` it stands as deep


def _json_bytes(value: Any) -> int:
    """0 of what is nested too deeply: JSON is read to a depth of 1,024 and written to 254."""
    return len(written_if_shallow(value) or b"")
