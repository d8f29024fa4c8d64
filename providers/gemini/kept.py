"""What a request of Gemini's dialect names that Google keeps for our account. Pure.

A file of Google's own store is named by its address there. What lies elsewhere (the open web, Cloud Storage
with its own rights) is none of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from providers.gemini.spelling import camel, snake
from providers.kept import FILE, Kept, not_offered, objects

_DATA: Final = Kept("a store of data", "데이터 저장소")
_SECRET: Final = Kept("a secret", "비밀 값", "leave it out", "해당 항목을 빼고 보내 주세요")
_KEPT: Final = {
    "cachedContent": Kept("a cache", "캐시"),
    "fileSearchStoreNames": Kept("a file search store", "파일 검색 저장소"),
    "vertexAiSearch": _DATA,
    "vertexRagStore": _DATA,
    "apiKeySecret": _SECRET,
    "apiKeySecretVersion": _SECRET,
    "credentialSecret": _SECRET,
}
_NAMES: Final = frozenset(spelt for name in ("fileUri", *_KEPT) for spelt in (name, snake(name)))
# What functions take and give, schemas, and what callers note for themselves: fields may be called anything.
_CALLERS_OWN: Final = frozenset(
    {
        "args",
        "response",
        "labels",
        *("functionDeclarations", "function_declarations"),
        *("generationConfig", "generation_config"),
        *("partMetadata", "part_metadata"),
    }
)
_AUTHORITY: Final = re.compile(r"(?:https?|gs)://([^/?#\\\s@]+)(?=[/?#]|\Z)")
_API: Final = "googleapis.com"
_STORAGE: Final = "storage.googleapis.com"  # also as the ending of a bucket's name and of Firebase's
_HOST_MAX: Final = 1_000


def refuse_what_is_kept(body: dict[str, Any]) -> None:
    """Under either spelling, wherever it stands. Raises BadRequest."""
    for field, value in body.items():
        for kept in _named({field: value}):
            raise not_offered(camel(field), kept)


def is_elsewhere(uri: Any) -> bool:
    """Is it an address, and not one of Google's interfaces? However its host is written."""
    found = _AUTHORITY.match(uri.strip().lower()) if type(uri) is str else None
    if found is None:
        return False
    try:
        host = unquote(found[1][:_HOST_MAX]).partition(":")[0].encode("idna").decode().rstrip(".").lower()
    except UnicodeError:
        return False
    return not host.endswith(_API) or host.endswith(_STORAGE)


def _named(value: Any) -> Iterator[Kept]:
    for said in objects(value, but=_CALLERS_OWN):
        for name in said.keys() & _NAMES:
            one, kept = said[name], _KEPT.get(camel(name))
            if kept is not None and one:
                yield kept
            elif kept is None and one is not None and not is_elsewhere(one):
                yield FILE
