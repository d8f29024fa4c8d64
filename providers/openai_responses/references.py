"""What tools and items name that a vendor keeps, and whose it is nobody here can tell. Pure.

A tool that names such a thing is to use it: that is refused, by name. An item that names one says what was
done before, and says it still where the name names nothing. Files are looked up instead, as answers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from providers.facts import BadRequest

_DEPTH_MAX: Final = 32  # no part of a request lies deeper
_CONTAINER: Final = (
    "`tools` names a container that the vendor keeps, which this gateway does not offer; "
    'let the vendor make one with {"type": "auto"}.',
    '`tools`: 공급사에 있는 컨테이너를 지정할 수 없습니다. {"type": "auto"}로 새로 만들게 해 주세요.',
)
_VECTOR_STORE: Final = (
    "`tools` names a vector store that the vendor keeps, which this gateway does not offer; "
    "send what is to be read in `input`.",
    "`tools`: 공급사에 있는 벡터 저장소를 지정할 수 없습니다. 읽을 내용을 `input`에 직접 담아 주세요.",
)
_SKILL: Final = (
    "`tools` names a skill that the vendor keeps, which this gateway does not offer; "
    "say in `instructions` what is to be done.",
    "`tools`: 공급사에 저장된 스킬을 지정할 수 없습니다. 할 일을 `instructions`에 직접 적어 주세요.",
)
_KEPT: Final = {
    "container_id": _CONTAINER,
    "vector_store_id": _VECTOR_STORE,
    "vector_store_ids": _VECTOR_STORE,
    "skill_id": _SKILL,
}


def refuse_what_is_kept(tool: dict[str, Any]) -> None:
    """Raises BadRequest. Not for functions: their parameters may be called anything."""
    refused = _CONTAINER if type(tool.get("container")) is str else None
    for name, value in _pairs(tool, _DEPTH_MAX):
        if value is not None and value != []:
            refused = refused or _KEPT.get(name)
    if refused is not None:
        raise BadRequest(*refused, "tools")


def _pairs(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Every field in it, however deep."""
    if type(value) is dict and depth:
        for name, one in value.items():
            yield name, one
            yield from _pairs(one, depth - 1)
    elif type(value) is list and depth:
        for one in value:
            yield from _pairs(one, depth - 1)
