"""The files that a request names by a vendor's id, wherever a part or a tool may name one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_DEPTH_MAX: Final = 32  # no part of a request lies deeper
_PLAIN_PARTS: Final = frozenset({"text", "input_text", "output_text", "refusal"})
_LOCAL_TOOLS: Final = frozenset({"function", "custom"})


def files_named(body: dict[str, Any]) -> tuple[str, ...]:
    """Each once, in their order."""
    found = dict.fromkeys(name for place in _places(body) for name in _ids(place, _DEPTH_MAX))
    return tuple(found)


def _places(body: dict[str, Any]) -> Iterator[Any]:
    for message in _list(body.get("messages")):
        if type(message) is dict:
            yield from _parts(message.get("content"))
    for item in _list(body.get("input")):
        if type(item) is dict:
            yield from _parts(item.get("content"))
            if not _is_told_again(item.get("type")):
                yield {name: value for name, value in item.items() if name != "content"}
    for tool in _list(body.get("tools")):
        if type(tool) is dict and not _is_one_of(tool.get("type"), _LOCAL_TOOLS):
            yield tool


def _parts(content: Any) -> Iterator[Any]:
    for part in _list(content) or (content,):
        if type(part) is dict and not _is_one_of(part.get("type"), _PLAIN_PARTS):
            yield part


def _is_told_again(kind: Any) -> bool:
    """What a model did before: the ids in it are what it found, and nobody fetches them."""
    return type(kind) is str and (kind.endswith("_call") or kind == "reasoning")


def _ids(value: Any, depth: int) -> Iterator[str]:
    if type(value) is list and depth:
        for one in value:
            yield from _ids(one, depth - 1)
    elif type(value) is dict and depth:
        for name, one in value.items():
            if name == "file_id" and type(one) is str:
                yield one
            elif name == "file_ids" and type(one) is list:
                yield from (each for each in one if type(each) is str)
            else:
                yield from _ids(one, depth - 1)


def _is_one_of(kind: Any, kinds: frozenset[str]) -> bool:
    return type(kind) is str and kind in kinds


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []
