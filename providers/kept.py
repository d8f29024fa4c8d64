"""What a request names that a vendor keeps, where nobody here knows whose it is. Pure.

Vendors know one account, ours, so an id they handed out is good for every company behind it. What is bound to
its company is looked up (docs/decisions/0023); all else does not exist here. Where it is to be used it is
refused, by name; where a former turn only tells of it, its id is replaced by one that names nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple

from providers.facts import BadRequest

_DEPTH_MAX: Final = 32  # no part of a request lies deeper
_HEX_MIN: Final = 32  # too many to be guessed
_HEX_MAX: Final = 64


class Kept(NamedTuple):
    """A kind of what vendors keep, with its article, and what to do instead of naming one."""

    en: str
    ko: str
    instead_en: str = "send the content itself"
    instead_ko: str = "내용을 직접 담아 주세요"


FILE: Final = Kept("a file", "파일")


def not_offered(param: str, kept: Kept) -> BadRequest:
    return BadRequest(
        f"`{param}` names {kept.en} that the vendor keeps, which this gateway does not offer; "
        f"{kept.instead_en}.",
        f"`{param}`: 공급사에 보관된 항목({kept.ko})은 지정할 수 없습니다. {kept.instead_ko}.",
        param,
    )


def objects(value: Any, *, but: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Every object in it, however deep, but for what stands under one of these names."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) is list:
            waiting += one
        elif type(one) is dict:
            yield one
            waiting += [
                inner for name, inner in one.items() if type(inner) in (dict, list) and name not in but
            ]


def renamed(
    value: Any,
    field: str,
    rename: Callable[[str], str],
    *,
    but: frozenset[str] = frozenset(),
    depth: int = _DEPTH_MAX,
) -> Any:
    """The same where no such field is in it; else a copy in which each has another value."""
    if not depth:
        return value
    if type(value) is list:
        items = [renamed(one, field, rename, but=but, depth=depth - 1) for one in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if type(value) is not dict:
        return value
    changed = {}
    for name, one in value.items():
        if type(one) is str:
            if name == field:
                changed[name] = rename(one)
        elif type(one) in (dict, list) and name not in but:
            new = renamed(one, field, rename, but=but, depth=depth - 1)
            if new is not one:
                changed[name] = new
    return {**value, **changed} if changed else value


def own_id(item_id: str) -> str:
    """Of the same form, the same for the same id, and nobody's."""
    kind, mark, rest = item_id.rpartition("_")
    length = min(max(len(rest), _HEX_MIN), _HEX_MAX)
    return kind + mark + sha256(b"item:" + item_id.encode(errors="replace")).hexdigest()[:length]
