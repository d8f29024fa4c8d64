"""What vendors say of a file or a batch, as the gateway reads and shows it. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import orjson

from metering.usage import Usage
from providers.json_depth import written_if_shallow
from providers.openai.usage import usage_of
from providers.quirks import Quirks

USABLE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
RESULT_FILES: Final = ("output_file_id", "error_file_id")
SHOWN_BYTES_MAX: Final = 64 * 1024  # of one object: metadata and the errors of lines are its largest parts


def read_object(raw: bytes) -> dict[str, Any] | None:
    """An object with an id that can be asked for; None for anything else."""
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if type(said) is not dict or usable(said.get("id")) is None:
        return None
    return said


def read_list(raw: bytes) -> tuple[list[dict[str, Any]], bool] | None:
    """(the objects of a page, whether more follow); None where it is no list."""
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    data = said.get("data") if type(said) is dict else None
    if type(data) is not list:
        return None
    objects = [one for one in data if type(one) is dict and usable(one.get("id")) is not None]
    return objects, said.get("has_more") is True


def usable(value: Any) -> str | None:
    """An id that may be looked up and stand in a path."""
    return value if type(value) is str and USABLE_ID.fullmatch(value) is not None else None


def shown(said: dict[str, Any]) -> bytes:
    """As it is kept and told again; where it is too large or too deep for that, its plain fields."""
    out = written_if_shallow(said)
    if out is not None and len(out) <= SHOWN_BYTES_MAX:
        return out
    plain = {name: value for name, value in list(said.items())[:_FIELDS_MAX] if _is_plain(value)}
    return orjson.dumps(plain)


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (int, bool) or (type(value) is str and len(value) <= 512)


def count(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if type(value) is int and 0 <= value < 1 << 53 else 0


_FIELDS_MAX: Final = 64
_CALENDAR_S: Final = 253_402_300_800  # the year 10000


def expiry_s(said: dict[str, Any]) -> int | None:
    """When it goes by itself, since 1970; None where it does not, or not within a calendar's years."""
    value = count(said, "expires_at")
    return value if 0 < value < _CALENDAR_S else None


class BatchSaid(msgspec.Struct, frozen=True):
    """What a batch's end is reckoned by."""

    status: str
    endpoint: str
    is_running: bool
    output_file: str | None
    completed: int  # lines that were answered, as the vendor counts
    usage: Usage | None  # of the whole batch, where the vendor says it


def is_running(said: dict[str, Any]) -> bool:
    """A word that nobody knows here is no end."""
    status = said.get("status")
    return type(status) is not str or status not in ENDED


def read_batch(said: dict[str, Any], quirks: Quirks) -> BatchSaid:
    status, endpoint = said.get("status"), said.get("endpoint")
    counts, usage = said.get("request_counts"), said.get("usage")
    return BatchSaid(
        status=status if type(status) is str else "",
        endpoint=endpoint if type(endpoint) is str else "",
        is_running=is_running(said),
        output_file=usable(said.get("output_file_id")),
        completed=count(counts, "completed") if type(counts) is dict else 0,
        usage=usage_of(usage, quirks) if type(usage) is dict else None,
    )
