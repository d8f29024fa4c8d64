"""Events -> one answer, for a caller who asked for no stream where the gateway asked for one. Pure.

The data of `result` is the answer's `result`: the rest is an envelope. Where a stream ends without it, what
the token events said takes its place.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.clova.events import read_event
from providers.clova.progress import StreamState, message_bytes
from providers.clova.version import Version
from providers.json_depth import written_if_shallow

_ENVELOPE: Final = b'{"status":{"code":"20000","message":"OK"},"result":%b}'


class Assembler(StreamState):
    """The same events as `StreamFold` reads; `answer()` at the end."""

    __slots__ = ("_result",)

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        self._result = b""

    def feed(self, event: bytes) -> None:
        read = read_event(event)
        if read is not None and self.observe(read.name, read.data) and read.name == b"result":
            self._result = read.data

    def answer(self, usage: Usage | None = None) -> bytes:
        return self._answer(self.reason, usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._answer(self.reason or self.version.length, usage)

    def _answer(self, reason: str | None, usage: Usage | None) -> bytes:
        if not self.has_result:
            return _ENVELOPE % orjson.dumps(self.ended(reason, usage))
        result: dict[str, Any] = orjson.loads(self._result)
        lacking: dict[str, Any] = {}
        if self.usage is None:
            lacking = self.version.usage_fields(usage)
        if self.text_bytes and not message_bytes(result.get("message")):
            lacking["message"] = self.message()  # it repeated nothing
        return _ENVELOPE % ((lacking and written_if_shallow(result | lacking)) or self._result)
