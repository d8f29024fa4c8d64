"""GET /{kind}: a page of what the person may see, filtered by the names that the list knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from billing.lifecycle.table import Allow
from portal.api import answers
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.route import allow
from portal.api.shown import Page
from portal.problem import Problem

Scope = tuple[str, Sequence[object]]
# What a parameter's value asks of the rows, where that is more than that a column equals it.
Filter = Callable[[Desk, str], Scope]
FILTER_CHARACTERS_MAX = 200


def add_list(
    router: APIRouter,
    path: str,
    query: str,
    show: Callable[[Desk, Any], Shown],
    allowed: tuple[Allow, ...],
    answer: type[BaseModel],
    *,
    scope: Callable[[Desk], Scope],
    filters: Mapping[str, str | Filter] | None = None,
) -> None:
    """`query` has a column `id` of text and no condition; `filters`: a parameter's column or Filter."""
    columns = filters or {}

    async def handle(request: Any, desk: Any, limit: int = 50, cursor: str | None = None) -> Shown:
        condition, parameters = scope(desk)
        for name, value in _filters(request, columns).items():
            asked, values = _asked(columns[name], desk, value)
            condition, parameters = f"({condition}) and ({asked})", [*parameters, *values]
        return await answers.listed(
            desk, query, (condition, parameters), lambda row: show(desk, row), limit=limit, cursor=cursor
        )

    handle.__annotations__ = {
        "request": Request,
        "desk": AtDesk,
        "limit": answers.Limit,
        "cursor": answers.Cursor,
        "return": dict[str, Any],
    }
    words = path.strip("/").replace("_", " ")
    handle.__name__ = f"list_{path.strip('/')}"
    told = allow(*allowed, answer=Page[answer])  # type: ignore[valid-type] # made here
    told["openapi_extra"]["parameters"] = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in columns
    ]
    router.add_api_route(path, handle, methods=["GET"], summary=f"List {words}", **told)


def _asked(column: str | Filter, desk: Desk, value: str) -> Scope:
    return (f"{column} = %s", [value]) if isinstance(column, str) else column(desk, value)


def _filters(request: Request, columns: Mapping[str, str | Filter]) -> dict[str, str]:
    """A name that is mistyped would silently list everything, so it is refused."""
    named = {name: value for name, value in request.query_params.items() if name not in ("limit", "cursor")}
    for name, value in named.items():
        if name not in columns or len(value) > FILTER_CHARACTERS_MAX:
            known = ", ".join(["limit", "cursor", *columns])
            raise Problem(
                400,
                "invalid_filter",
                f"This list knows {known}.",
                korean=f"이 목록에서 쓸 수 있는 조건: {known}",
            )
    return named


def refused_value(name: str) -> Problem:
    return Problem(
        400,
        "invalid_filter",
        f"{name} does not take this value.",
        korean=f"{name} 조건의 값이 올바르지 않습니다.",
    )


def everything(_: Desk) -> Scope:
    return answers.EVERYTHING


def own_company(desk: Desk) -> Scope:
    return answers.own(desk, company="company_id")
