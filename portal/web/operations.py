"""The API's operations called in the same process: a page does what the API does, by its functions.

An operation brings its own rules along: who may (`x-allow`), what its body may say (its model), what it
refuses. A page adds none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from billing.lifecycle.table import Refused
from portal.api.desk import Desk
from portal.web.forms import EntriesRefused

FORBIDDEN: Final = ("forbidden", "Your role does not do this.", "이 작업을 할 수 있는 역할이 아닙니다.")
Shown = dict[str, Any]


class Operations:
    """`parts`: the API's routers, each flat."""

    def __init__(self, parts: Iterable[APIRouter]) -> None:
        self._routes = {
            f"{method} {route.path.replace(':path', '')}": route
            for part in parts
            for route in part.routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }

    async def call(
        self,
        desk: Desk,
        name: str,
        body: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        etag: str = "",
        once: str = "",
    ) -> Shown:
        """-> the answer's body. Raises Refused, DeclarationRefused, EntriesRefused, and Short within them."""
        named = {} if id is None else {"id": id}
        return self.body_of(await self.answer(desk, name, body, etag=etag, once=once, **named))

    @staticmethod
    def body_of(answer: Any) -> Shown:
        shown = answer if isinstance(answer, dict) else json.loads(answer.body)
        assert isinstance(shown, dict)
        return shown

    async def answer(
        self,
        desk: Desk,
        name: str,
        body: Mapping[str, Any] | None = None,
        *,
        etag: str = "",
        once: str = "",
        **named: Any,
    ) -> Any:
        """As its function gives it. `named`: parts of its path and its query, as they are called there."""
        route = self._routes[name]
        allowed = {one["role"] for one in (route.openapi_extra or {}).get("x-allow", ())}
        if desk.actor.role not in allowed:
            raise Refused(*FORBIDDEN)
        arguments: dict[str, Any] = {"desk": desk, **named}
        if route.dependant.body_params:
            arguments["body"] = _checked(route.dependant.body_params[0].field_info.annotation, body or {})
        if route.dependant.request_param_name is not None:
            heads = {"if-match": etag, "idempotency-key": once}
            headers = [(head.encode(), value.encode("utf-8", "replace")) for head, value in heads.items()]
            scope = {"type": "http", "headers": headers, "query_string": b""}
            arguments[route.dependant.request_param_name] = Request(scope)
        return await route.endpoint(**arguments)


def _checked(model: Any, body: Mapping[str, Any]) -> Any:
    """As a request's body is: the values have been JSON."""
    try:
        return TypeAdapter(model).validate_json(json.dumps(body))
    except ValidationError as error:
        wrong = {str(one["loc"][0]) if one["loc"] else "": "error.invalid" for one in error.errors()}
        raise EntriesRefused(wrong) from None
