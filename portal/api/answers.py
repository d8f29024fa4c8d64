"""How the API answers: one thing with its ETag, or a page of things behind a cursor."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Query, Request
from fastapi.responses import JSONResponse

from billing.casework.rows import PAGE_MAX, rows_of
from portal.api.desk import Desk
from portal.problem import Problem

Shown = dict[str, Any]

# Calls change these by the second; whoever changes the thing does not.
_PASSING: Final = frozenset({"spent_krw"})

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=512)]


def etag_of(shown: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in shown.items() if name not in _PASSING}
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def one(shown: Shown, *, status: int = 200, location: str | None = None) -> JSONResponse:
    headers = {"ETag": etag_of(shown)}
    if location is not None:
        headers["Location"] = quote(location, safe="/:@+")  # a name may be Korean, and a head is not
    return JSONResponse(shown, status_code=status, headers=headers)


def must_match(request: Request, shown: Mapping[str, Any]) -> None:
    """Whoever says which version they saw does not overwrite what somebody else changed meanwhile."""
    asked = [tag.strip() for tag in request.headers.get("if-match", "*").split(",")]
    if "*" not in asked and etag_of(shown) not in asked:
        raise Problem(
            412,
            "changed_meanwhile",
            "It was changed since you read it; read it again.",
            korean="그 사이에 변경되었습니다. 다시 조회한 뒤 수정해 주세요.",
        )


def page(
    rows: Sequence[Mapping[str, Any]], limit: int, show: Callable[[Any], Shown], *, key: str = "id"
) -> Shown:
    """`rows` has one more than `limit` where there is a next page."""
    shown = [show(row) for row in rows[:limit]]
    more = len(rows) > limit
    return {"data": shown, "next_cursor": cursor_of(str(rows[limit - 1][key])) if more else None}


def cursor_of(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def after_of(cursor: str | None) -> str:
    """The last one of the page before; every id comes after the empty text."""
    if cursor is None:
        return ""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        raise Problem(
            400, "invalid_cursor", "This is no cursor of ours.", korean="커서 값이 올바르지 않습니다."
        ) from None


async def listed(
    desk: Desk,
    query: str,
    scope: tuple[str, Sequence[object]],
    show: Callable[[Any], Shown],
    *,
    limit: int,
    cursor: str | None,
    key: str = "id",
) -> Shown:
    """A page of `query`, which has a column `id` of text and no condition yet."""
    condition, parameters = scope
    rows = await rows_of(
        desk.conn,
        f"select * from ({query}) things where ({condition}) and id > %s order by id limit %s",  # noqa: S608
        [*parameters, after_of(cursor), limit + 1],
    )
    return page(rows, limit, show, key=key)


EVERYTHING: Final[tuple[str, Sequence[object]]] = ("true", ())


def own(
    desk: Desk, *, company: str | None = None, provider: str | None = None
) -> tuple[str, Sequence[object]]:
    """The condition by which a person sees one's own things only; `company`, `provider`: their columns."""
    if desk.sees_everything:
        return EVERYTHING
    if desk.actor.role == "company" and company is not None:
        return f"{company} = %s", [desk.actor.company]
    if desk.actor.role == "provider" and provider is not None:
        return f"{provider} = %s", [desk.actor.provider]
    return "false", ()
