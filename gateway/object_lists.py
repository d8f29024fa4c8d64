"""Lists of files and batches: from our own books, never the vendor's, which is one account for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

import orjson

from gateway.auth import Caller
from gateway.ports import BooksUnavailable, PageAsked, StoredObjects
from gateway.problems import Problem
from providers.openai_files.objects import usable

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
_PARAMETERS_MAX: Final = 20


async def list_of(objects: StoredObjects, caller: Caller, kind: str, query: bytes) -> bytes:
    """The company's own. Raises Problem."""
    asked = _asked(kind, query, caller.key.products)
    try:
        found = await objects.page(caller.company.company_id, asked)
    except BooksUnavailable:
        raise Problem("meter_unavailable", retry_after_s=1) from None
    if found is None:
        raise Problem("id_not_found", param="after")
    return _page(*found)


def _page(shown: Sequence[bytes], has_more: bool) -> bytes:
    ids = [orjson.loads(one).get("id") for one in (*shown[:1], *shown[-1:])]
    return orjson.dumps(
        {
            "object": "list",
            "data": [orjson.Fragment(one) for one in shown],
            "first_id": ids[0] if ids else None,
            "last_id": ids[1] if ids else None,
            "has_more": has_more,
        }
    )


def _asked(kind: str, query: bytes, products: frozenset[str] | None) -> PageAsked:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise Problem(
            "invalid_request", english="The query cannot be read.", korean="조회 조건을 읽을 수 없습니다."
        ) from None
    said = dict(pairs)
    after, order = said.get("after") or None, said.get("order", "desc")
    if after is not None and usable(after) is None:
        raise Problem("id_not_found", param="after")
    if order not in ("asc", "desc"):
        raise _bad("order", "must be asc or desc", "asc 또는 desc여야 합니다")
    purpose = (said.get("purpose") or None) if kind == "file" else None
    if purpose is not None and usable(purpose) is None:
        raise _bad("purpose", "must be what files are for", "파일의 용도여야 합니다")
    return PageAsked(
        kind=kind,
        limit=_limit(said.get("limit")),
        after=after,
        oldest_first=order == "asc",
        purpose=purpose,
        products=products,
    )


def _limit(said: str | None) -> int:
    """A larger one is cut: `has_more` tells, and SDKs go on by themselves."""
    if said is None:
        return LIMIT_DEFAULT
    if not said.isascii() or not said.isdecimal() or len(said) > 6 or not int(said):
        raise _bad("limit", "must be a positive integer", "1 이상의 정수여야 합니다")
    return min(int(said), LIMIT_MAX)


def _bad(param: str, english: str, korean: str) -> Problem:
    return Problem(
        "invalid_request", english=f"`{param}` {english}.", korean=f"`{param}` 값: {korean}.", param=param
    )


__all__ = ["LIMIT_DEFAULT", "LIMIT_MAX", "list_of"]
