"""The office's application: its routes, and nothing they know about each other.

What it needs is handed in as `Office`; building and closing that is the launcher's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from billing.database import Pool
from billing.declaration import DeclarationRefused
from billing.lifecycle.table import Refused
from billing.payables.port import Transfers
from billing.payments.port import Cards
from billing.secrets import Secrets
from portal import metrics, pages, passwords, people, problem, token_route, webhooks
from portal.api import api
from portal.api.desk import Api, GetBack, Unbooked, UnbookedOf
from portal.attempts import Attempts
from portal.readiness import Readiness
from portal.web import faults, web

FORM_BYTES_MAX: Final = 4096
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Office:
    pool: Pool
    readiness: Readiness
    attempts: Attempts
    token_key: bytes
    token_life_s: int
    addresses: pages.Addresses
    metrics_dir: str
    metrics_token: str | None
    secrets: Secrets
    invitation_life_s: float
    allow_private: bool = False  # products may point at loopback and private addresses
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    get_back: GetBack | None = None
    unbooked: Unbooked | None = None
    unbooked_of: UnbookedOf | None = None
    cards: Cards | None = None  # None: card payment is off
    transfers: Transfers | None = None  # None: providers are paid by bank file alone
    webhook_secrets: tuple[str, ...] = ()
    has_mail: bool = False


Lang = Annotated[pages.Language, Query()]
_PROXY_HEADERS: Final = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip"})


def _html(text: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status_code=status, headers=SECURITY_HEADERS)


def _client_host(request: Request) -> str | None:
    return request.client.host if request.client is not None else None


def build(office: Office) -> FastAPI:
    app = FastAPI(
        title="Voucher gateway: the office",
        version="1",
        openapi_url=None,  # a route of ours: the document takes seconds to make, at the first request
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            problem.Problem: problem.on_problem,
            RequestValidationError: problem.on_invalid,
            Refused: problem.on_refused,
            DeclarationRefused: problem.on_declaration_refused,
        },
    )
    app.state.api = Api(
        pool=office.pool,
        secrets=office.secrets,
        token_key=office.token_key,
        now=office.now,
        allow_private=office.allow_private,
        invitation_life_s=office.invitation_life_s,
        office_address=office.addresses.office,
        get_back=office.get_back,
        unbooked=office.unbooked,
        unbooked_of=office.unbooked_of,
        cards=office.cards,
        transfers=office.transfers,
        has_mail=office.has_mail,
    )
    app.include_router(_health(office))
    app.include_router(_front(office, app))
    app.include_router(_tokens(office))
    app.include_router(_welcome(office))
    api.mount(app)
    app.include_router(webhooks.router(office.pool, office.webhook_secrets))
    web.mount(app, office.attempts, office.addresses)
    faults.add(app)
    return app


def _health(office: Office) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        missing = await office.readiness.missing()
        return JSONResponse({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)

    @router.get("/metrics")
    async def read_metrics(request: Request) -> Response:
        if not metrics.may_read(
            client_host=_client_host(request),
            came_through_proxy=bool(_PROXY_HEADERS & set(request.headers)),
            authorization=request.headers.get("authorization"),
            token=office.metrics_token,
        ):
            raise problem.Problem(403, "forbidden", "Metrics are for this machine or for the metrics token.")
        text = await asyncio.to_thread(metrics.collect, office.metrics_dir)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _front(office: Office, app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/style.css")
    async def style() -> Response:
        return Response(pages.STYLE, media_type="text/css")

    @router.get("/api/openapi.json")
    async def document() -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(app.openapi))

    @router.get("/api/docs")
    async def docs() -> HTMLResponse:
        return _html(pages.api_docs(await asyncio.to_thread(app.openapi)))

    return router


def _tokens(office: Office) -> APIRouter:
    return token_route.router(
        office.pool, office.attempts, token_key=office.token_key, token_life_s=office.token_life_s
    )


def _welcome(office: Office) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/welcome/{token}")
    async def show(token: str, lang: Lang = "ko") -> HTMLResponse:
        async with office.pool.connection() as connection:
            email = await people.invited(connection, token)
        if email is None:
            return _html(pages.note(lang, "expired"), status=404)
        return _html(pages.welcome(lang, email))

    @router.post("/welcome/{token}")
    async def accept(request: Request, token: str, lang: Lang = "ko") -> HTMLResponse:
        password = await _password_of(request)
        async with office.pool.connection() as connection:
            email = await people.invited(connection, token)
            if email is None:
                return _html(pages.note(lang, "expired"), status=404)
            if passwords.weakness(password) is not None:
                return _html(pages.welcome(lang, email, weak=True), status=422)
            password_hash = await asyncio.to_thread(passwords.hash_password, password)
            accepted = await people.accept(connection, token, password_hash=password_hash)
        return _html(pages.note(lang, "done" if accepted else "expired"), status=200 if accepted else 404)

    return router


async def _password_of(request: Request) -> str:
    """The form's one field. Its body is small, so a larger one is not read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise problem.Problem(413, "request_too_large", "The form is too large.")
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
