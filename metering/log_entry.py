"""An entry of a lane's stream as the server gives it. Pure.

It is read for every call, so words that are known are not decoded.
"""

from __future__ import annotations

from typing import Final, get_args

from metering.purse import EventKind, LogEntry

_FIELDS: Final = {name.encode(): name for name in ("op", "kind", "n", "e", "charge", "taken", "late")}
_KINDS: Final = {kind.encode(): kind for kind in get_args(EventKind)}


def read_entry(entry_id: bytes, flat: list[bytes]) -> LogEntry:
    words = iter(flat)
    fields = {_FIELDS.get(name) or name.decode(): value for name, value in zip(words, words, strict=True)}
    kind, op, n = fields.pop("kind"), fields.pop("op"), fields.pop("n")
    return LogEntry(entry_id.decode(), _KINDS.get(kind) or kind.decode(), op.decode(), int(n), fields)
