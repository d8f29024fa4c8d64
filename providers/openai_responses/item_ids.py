"""Ids that items of a request carry: none of them may name what the vendor stores for somebody else. Pure.

A vendor looks an item up by its id where it has it, and it has what every company behind our account has
stored. Whose an item is, nobody here knows; so its id is replaced by another one that names nothing: of the
same form, and the same for the same id, so that items may still name each other. A conversation that is
stored is gone on from by `previous_response_id`, which is checked.
"""

from __future__ import annotations

import re
from typing import Any, Final

from providers.kept import own_id, renamed

# Vendors open a seal with the id that stands beside it, and refuse what is no seal of theirs ("could not be
# verified"). What cannot be one, or stands where none is read, keeps no id.
_SEALED_KINDS: Final = frozenset({"reasoning", "compaction", "compaction_summary", "context_compaction"})
_SEAL: Final = re.compile(r"[A-Za-z0-9+/_=-]{64,4194304}")


def with_own_ids(items: list[Any], *, follows: bool) -> list[Any]:
    """`follows`: the request goes on from a stored answer, whose items its own may name."""
    named = _named(items)
    return [_with_own_ids(item, named, follows) for item in items]


def approved_elsewhere(items: list[Any]) -> tuple[str, ...]:
    """What the request approves and does not contain: it must be of the answer that is gone on from."""
    named = _named(items)
    approved = [item.get("approval_request_id") for item in items if type(item) is dict]
    return tuple({name: None for name in approved if type(name) is str and name not in named})


def _named(items: list[Any]) -> set[str]:
    return {item["id"] for item in items if _is_named(item)}


def _with_own_ids(item: Any, named: set[str], follows: bool) -> Any:
    if type(item) is not dict:
        return item
    changed = {}
    if _is_named(item):
        changed["id"] = own_id(item["id"])
    approved = item.get("approval_request_id")
    if type(approved) is str and (approved in named or not follows):
        changed["approval_request_id"] = own_id(approved)
    return renamed({**item, **changed} if changed else item, "container_id", own_id)


def _is_named(item: Any) -> bool:
    """What is sealed carries its content, and its id belongs to the seal."""
    if type(item) is not dict or type(item.get("id")) is not str:
        return False
    kind, sealed = item.get("type"), item.get("encrypted_content")
    if type(kind) is not str or kind not in _SEALED_KINDS or type(sealed) is not str:
        return True
    return _SEAL.fullmatch(sealed) is None
