"""The data plane as one ASGI callable: a table of routes, and one place where a refusal becomes an answer.

Framework middleware stays off this path. A route that is not in the table does not exist; every route that
can cost money goes through `Calls`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import orjson

from gateway.asgi.request import ClientLeft, Receive, Request, Scope, Send
from gateway.asgi.response import JSON, NO_CACHE, Headers
from gateway.asgi.websocket import WebSocket, http_answer, is_socket
from gateway.auth import Caller, authenticate, read_api_key
from gateway.calls import Calls
from gateway.directory import Directory
from gateway.methods import only
from gateway.outlet import Outlet
from gateway.problems import Problem
from gateway.realtime import Realtime, headers_with_key
from gateway.stored import Stored
from gateway.telemetry import OTHER_ROUTE, CallRecord, Telemetry
from gateway.views import Views
from metering.money import format_krw
from providers import dialects
from providers.dialect import StoredRoute
from providers.dialects import Route
from providers.openai_files.routes import ObjectRoute
from providers.openai_realtime.operation import REALTIME

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")

READ: Final = ("/v1/models", "/v1beta/models", "/v1/voucher", "/v1/usage")


class Objects(Protocol):
    """gateway.files.Files, gateway.batches.Batches: by the kind of what their routes name."""

    async def answer(
        self, route: ObjectRoute, caller: Caller, request: Request, outlet: Outlet, record: CallRecord
    ) -> None: ...


View = Callable[[Caller, Request], Awaitable[bytes]]
Free = Mapping[str, StoredRoute] | Mapping[str, ObjectRoute]  # what is no call, by method


class Gateway:
    def __init__(  # noqa: PLR0913 - what a data plane is made of, by name
        self,
        *,
        directory: Directory,
        calls: Calls,
        realtime: Realtime,
        views: Views,
        stored: Stored,
        objects: Mapping[str, Objects],
        telemetry: Telemetry,
        pepper: bytes,
        now_ms: Callable[[], int],
        make_request_id: Callable[[], str],
        is_ready: Callable[[], bool],
    ) -> None:
        self._directory = directory
        self._calls = calls
        self._realtime = realtime
        self._views = views
        self._stored = stored
        self._objects = objects
        self._telemetry = telemetry
        self._pepper = pepper
        self._now_ms = now_ms
        self._make_request_id = make_request_id
        self._is_ready = is_ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] in ("http", "websocket"), "the server offers no lifespan"
        socket = WebSocket(receive, send, scope.get("voucher.client")) if is_socket(scope) else None
        send = send if socket is None else http_answer(send)  # a socket that is not taken is answered in HTTP
        path = scope["path"]
        if path in ("/healthz", "/readyz"):
            await self._probe(path, send)
            return
        request = Request(scope, receive)
        given = request.header(b"x-request-id")
        request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else self._make_request_id()
        route = dialects.find(path, request.query, request.headers)
        stored: Free = dialects.find_stored(path) if route is None else {}
        stored = stored or dialects.find_object(path, request.headers)
        name = _view_name(path, stored) if route is None else route.name
        record = CallRecord(request_id=request_id, route=name, started_s=time.perf_counter())
        outlet = Outlet(send)
        try:
            await self._dispatch(route, stored, request, outlet, record, socket)
        except Problem as problem:
            record.code = problem.code
            await self._refuse(problem, request, outlet, record)
        except ClientLeft:
            record.client_gone = True
        except Exception as error:  # noqa: BLE001 - the last resort: told, counted, and answered with 500
            self._telemetry.crash(record, error)
            record.code = "internal_error"
            await self._refuse(Problem("internal_error"), request, outlet, record)
        finally:
            record.status = outlet.status
            self._telemetry.tell(record, request.header(b"traceparent"))

    async def _dispatch(
        self,
        route: Route | None,
        stored: Free,
        request: Request,
        outlet: Outlet,
        record: CallRecord,
        socket: WebSocket | None,
    ) -> None:
        path = request.path
        if route is None and not stored and path != "/v1/estimate" and not path.startswith(READ):
            raise Problem("route_not_found")
        if route is not None:
            record.dialect, record.operation = route.dialect.name, route.operation.name
        is_session = route is not None and route.operation is REALTIME
        headers = headers_with_key(request) if is_session else request.headers
        secret = read_api_key(headers, request.query, request.twice, filters_by_name=path == "/v1/usage")
        caller = self._caller(secret, request)
        record.company, record.api_key = caller.company.company_id, caller.key.name
        if route is not None and is_session:
            only(request, "GET")
            await self._realtime.serve(
                route,
                lambda: self._caller(secret, request),
                request,
                socket=socket,
                outlet=outlet,
                record=record,
            )
            return
        if route is not None:
            only(request, "POST")
            await self._calls.call(route, caller, request, outlet, record)
            return
        if stored:
            record.dialect = dialects.dialect_of(path, request.headers).name
            only(request, *stored)
            found = stored[request.method]
            if isinstance(found, StoredRoute):
                await self._stored.answer(found, caller, request, outlet, record)
            else:
                await self._objects[found.kind].answer(found, caller, request, outlet, record)
            return
        body = await self._view(request, caller, record)
        said: Headers = [JSON, NO_CACHE, (b"x-request-id", record.request_id.encode())]
        await outlet.whole(200, said, body)

    def _caller(self, secret: bytes, request: Request) -> Caller:
        return authenticate(
            secret,
            pepper=self._pepper,
            callers=self._directory,
            now_ms=self._now_ms(),
            client_host=request.client_host,
        )

    async def _view(self, request: Request, caller: Caller, record: CallRecord) -> bytes:
        path = request.path
        if path == "/v1/estimate":
            only(request, "POST")
            return await self._estimate(request, caller, record)
        only(request, "GET")
        if path in ("/v1/models", "/v1beta/models"):
            return self._views.models(caller)
        if path == "/v1/voucher":
            return await self._views.voucher(caller)
        if path == "/v1/usage":
            return await self._views.usage_page(caller, request)
        if path.startswith(("/v1/models/", "/v1beta/models/")):
            return self._views.model(caller, path.partition("/models/")[2])
        if path.startswith("/v1/usage/"):
            return await self._views.usage_one(caller, path.removeprefix("/v1/usage/"))
        raise Problem("route_not_found")

    async def _estimate(self, request: Request, caller: Caller, record: CallRecord) -> bytes:
        """The bounds of a call that is not made, and whether the balance pays them now."""
        raw, body = await self._calls.read_body(request)
        admitted = self._calls.admit(self._meant(body), caller, body, len(raw), record)
        payable = await self._views.can_pay(admitted.vouchers, admitted.ceiling.want_micro)
        return orjson.dumps(
            {
                "input_tokens_max": admitted.ceiling.input_tokens,
                "charge_krw_max": format_krw(admitted.ceiling.want_micro),
                "payable": payable,
            }
        )

    def _meant(self, body: dict[str, Any]) -> Route:
        """Which call it would be, by what only that call has; beyond that by the product's purposes."""
        if "messages" in body:
            return dialects.CHAT
        if "documents" in body:
            return dialects.RERANK
        model = body.get("model")
        product = self._directory.products.get(model) if type(model) is str else None
        purposes = frozenset[str]() if product is None else product.purposes
        if "prompt" in body:
            return dialects.IMAGES if "image" in purposes else dialects.COMPLETIONS
        if "speech" in purposes:
            return dialects.SPEECH
        return dialects.EMBEDDINGS if "embedding" in purposes else dialects.RESPONSES

    async def _refuse(self, problem: Problem, request: Request, outlet: Outlet, record: CallRecord) -> None:
        if outlet.started:
            return  # the relay has ended that answer in its own words
        headers: Headers = [JSON, (b"x-request-id", record.request_id.encode())]
        if record.usage_id is not None and not any(
            name == b"x-voucher-usage-id" for name, _ in problem.headers
        ):
            headers.append((b"x-voucher-usage-id", record.usage_id.encode()))
        headers.extend(problem.wire_headers())
        refusal = problem.refusal(request.header(b"accept-language"), record.request_id)
        dialect = dialects.DIALECTS.get(record.dialect or "") or dialects.dialect_of(
            request.path, request.headers
        )
        await outlet.whole(problem.status, headers, dialect.refusal(refusal))

    async def _probe(self, path: str, send: Send) -> None:
        alive = path == "/healthz" or self._is_ready()
        body = b'{"status":"ok"}' if alive else b'{"status":"not ready"}'
        await Outlet(send).whole(200 if alive else 503, [JSON, NO_CACHE], body)


def _view_name(path: str, stored: Free) -> str:
    """A label of few values, whatever callers ask for."""
    for route in stored.values():
        return route.name
    if path in READ or path == "/v1/estimate":
        return path
    for known in READ:
        if path.startswith(known + "/"):
            return known + "/{id}"
    return OTHER_ROUTE
