"""Every route of the API passes here: who asks, whether the role may, one SQL transaction for what it does.

A route says who may use it as data (`allow`), which its OpenAPI document shows as `x-allow`; one that says
nothing serves nobody. A POST and its answer are one SQL transaction with the claim of its Idempotency-Key, so
a repeated request finds either the whole of the work and its answer, or nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from fastapi import Request, Response
from fastapi.routing import APIRoute
from psycopg.errors import (
    DeadlockDetected,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
    UniqueViolation,
)
from psycopg_pool import PoolTimeout

from billing.database import Connection
from billing.lifecycle.table import Actor, Allow
from billing.reclaim import Short
from portal import clients, people, tokens
from portal.api import idempotency
from portal.api.desk import Api, Desk
from portal.problem import Problem

BODY_BYTES_MAX: Final = 256 * 1024
T = TypeVar("T")
Handle = Callable[[Request], Coroutine[Any, Any, Response]]

_KEY_PARAMETER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.KEY_CHARACTERS_MAX},
    "description": "The same key and body within 24 hours: the same answer, and nothing is done again.",
}
_MATCH_PARAMETER: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of what is changed, as it was read: refused where somebody was quicker.",
}
_PARAMETERS: Final = {"POST": [_KEY_PARAMETER], "PATCH": [_MATCH_PARAMETER]}


def allow(
    *allowed: Allow,
    answer: Any,
    method: str = "GET",
    status: int = 200,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> dict[str, Any]:
    """Arguments of a route: who may use it, its answer's model; `method` adds the header that it asks for."""
    rows = [{"role": one.role, "relation": one.relation} for one in allowed]
    extra: dict[str, Any] = {"x-allow": rows}
    if body_bytes_max != BODY_BYTES_MAX:
        extra["x-body-bytes-max"] = body_bytes_max
    if method in _PARAMETERS:
        extra["parameters"] = _PARAMETERS[method]
    return {
        "openapi_extra": extra,
        "status_code": status,
        "responses": {status: {"model": answer}},
    }


class OfficeRoute(APIRoute):
    """`request.app.state.api` is the Api."""

    def get_route_handler(self) -> Handle:
        inner = super().get_route_handler()
        body_bytes_max = (self.openapi_extra or {}).get("x-body-bytes-max", BODY_BYTES_MAX)
        allowed = {one["role"] for one in (self.openapi_extra or {}).get("x-allow", ())}

        async def handle(request: Request) -> Response:
            api: Api = request.app.state.api
            caller = _caller_of(request, api)
            body = await read_body(request, body_bytes_max)
            with in_words_of_ours():
                async with api.pool.connection() as conn:
                    actor = await _actor(conn, caller)
                    if actor.role not in allowed:
                        raise Problem(
                            403,
                            "forbidden",
                            "Your role does not do this.",
                            korean="이 작업을 할 수 있는 역할이 아닙니다.",
                        )
                    desk = _desk(request, api, conn, actor)
                    return await _serve(request, inner, body, desk)

        return handle


async def _serve(request: Request, inner: Handle, body: bytes, desk: Desk) -> Response:
    async def work() -> Response:
        again = Request(request.scope, replayed(body))
        again.state.desk = desk
        return await (idempotency.once(again, inner, body, desk) if again.method == "POST" else inner(again))

    return await (work() if request.method == "GET" else whole(desk, work))


async def whole(desk: Desk, work: Callable[[], Awaitable[T]]) -> T:
    """In one SQL transaction; again where money that was lent came back after the first was rolled back."""
    try:
        async with desk.conn.transaction():
            return await work()
    except Short as short:
        if desk.api.get_back is None:
            raise short.refused from None
        await desk.api.get_back(short.funds)
    try:
        async with desk.conn.transaction():
            return await work()
    except Short as short:
        raise short.refused from None


def _desk(request: Request, api: Api, conn: Connection, actor: Actor) -> Desk:
    return Desk(api, conn, actor, api.now(), f"of-{uuid.uuid4().hex}")


def _caller_of(request: Request, api: Api) -> tokens.Caller:
    """Of the token, before anything else of the request is read."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise _not_signed_in()
    try:
        return tokens.read(token.strip(), key=api.token_key)
    except tokens.TokenRefused:
        raise _not_signed_in() from None


def _not_signed_in() -> Problem:
    return Problem(
        401,
        "not_signed_in",
        "Send a token of POST /api/token as a bearer token.",
        korean="로그인이 필요합니다.",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def _actor(conn: Connection, caller: tokens.Caller) -> Actor:
    """The person behind the token, and the program if it is one's, as the books know them now."""
    found = await people.find(conn, caller.email)
    if found is None or not (caller.client is None or await clients.is_alive(conn, caller.client)):
        raise _not_signed_in()
    person, _ = found
    return Actor(person.email, person.role, person.company, person.provider)


async def read_body(request: Request, bytes_max: int) -> bytes:
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise Problem(
                413,
                "request_too_large",
                f"A body has at most {bytes_max} bytes.",
                korean="요청 본문이 너무 큽니다.",
            )
        parts.append(part)
    return b"".join(parts)


def replayed(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


@contextmanager
def in_words_of_ours() -> Iterator[None]:
    """What PostgreSQL refuses, as a refusal of the API."""
    try:
        yield
    except (LockNotAvailable, QueryCanceled, DeadlockDetected, SerializationFailure) as error:
        raise Problem(
            503,
            "busy",
            "Somebody else is changing this; try again.",
            korean="다른 작업이 진행 중입니다. 잠시 후 다시 시도해 주세요.",
            headers={"Retry-After": "1"},
        ) from error
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise Problem(
            503,
            "books_unavailable",
            "The books cannot be reached; try again.",
            korean="장부에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.",
            headers={"Retry-After": "5"},
        ) from error
    except UniqueViolation as error:
        raise Problem(
            409, "id_taken", "There is one of this id already.", korean="이미 사용 중인 ID입니다."
        ) from error
    except (psycopg.DataError, UnicodeEncodeError) as error:
        raise Problem(
            422,
            "invalid_request",
            "A value holds characters or a number that cannot be kept.",
            korean="저장할 수 없는 문자나 숫자가 있습니다.",
        ) from error
