"""Ids that items of a request carry: none of them may name what the vendor stores for somebody else. Pure.

A vendor looks an item up by its id where it has it, and it has what every company behind our account has
stored. Whose an item is, nobody here knows; so its id is replaced by another one that names nothing: of the
same form, and the same for the same id, so that items may still name each other. A conversation that is
stored is gone on from by `previous_response_id`, which is checked.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

_HEX_MIN: Final = 32  # too many to be guessed
_HEX_MAX: Final = 64


def with_own_ids(items: list[Any], *, follows: bool) -> list[Any]:
    """`follows`: the request goes on from a stored answer, whose items its own may name."""
    named = {item["id"] for item in items if _is_named(item)}
    return [_with_own_ids(item, named, follows) for item in items] if named or _approves(items) else items


def _with_own_ids(item: Any, named: set[str], follows: bool) -> Any:
    if type(item) is not dict:
        return item
    changed = {}
    if _is_named(item):
        changed["id"] = _own(item["id"])
    approved = item.get("approval_request_id")
    if type(approved) is str and (approved in named or not follows):
        changed["approval_request_id"] = _own(approved)
    return {**item, **changed} if changed else item


def _is_named(item: Any) -> bool:
    """What is sealed carries its content, and its id belongs to the seal."""
    if type(item) is not dict or type(item.get("id")) is not str:
        return False
    sealed = item.get("encrypted_content")
    return not (type(sealed) is str and sealed)


def _approves(items: list[Any]) -> bool:
    return any(type(item) is dict and "approval_request_id" in item for item in items)


def _own(item_id: str) -> str:
    kind, mark, rest = item_id.rpartition("_")
    length = min(max(len(rest), _HEX_MIN), _HEX_MAX)
    return kind + mark + sha256(b"item:" + item_id.encode(errors="replace")).hexdigest()[:length]
