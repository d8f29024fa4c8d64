"""Every page passes here: who is signed in, whether the role may, one SQL transaction for what a form does.

A page says who may see it as data (`Page.roles`); one that says nobody serves nobody. Whatever goes wrong is
told in the same shell, and a form that was refused comes back with what was entered.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from billing.casework.rows import rows_of
from billing.database import Connection
from billing.declaration import DeclarationRefused
from billing.lifecycle.table import Actor, Refused, Role
from portal import people
from portal.api import idempotency
from portal.api.desk import Api, Desk
from portal.api.route import BODY_BYTES_MAX, in_words_of_ours, read_body, whole
from portal.problem import CONFLICT, STATUSES, Problem
from portal.web import sessions, words
from portal.web.formats import Language
from portal.web.forms import EntriesRefused
from portal.web.render import NAV, Renderer
from portal.web.visit import PREFIXES, Go, Reply, Visit, read_form, with_query

SESSION_COOKIE: Final = "office_session"
LANGUAGE_COOKIE: Final = "office_language"
LANGUAGE_KEPT_S: Final = 365 * 24 * 3600
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Handler = Callable[[Visit], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Page:
    """`act` is what its form does; it answers with where to go on, or with what is shown once."""

    path: str
    roles: tuple[Role, ...]
    show: Handler
    act: Handler | None = None


@dataclass(frozen=True, slots=True)
class House:
    """What serves pages; `is_https` where the office's own address is."""

    api: Api
    renderer: Renderer
    is_https: bool

    def cookie(self, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
        response.set_cookie(
            name, value, max_age=max_age, path="/", httponly=True, samesite="lax", secure=self.is_https
        )


def mount(app: FastAPI, house: House, pages: Sequence[Page]) -> None:
    for page in pages:
        methods = ["GET"] if page.act is None else ["GET", "POST"]
        app.add_route(page.path, partial(_serve, house, page), methods=methods, include_in_schema=False)
    app.state.pages = tuple(pages)


def language_of(request: Request) -> Language:
    """As asked for, as asked for before, or Korean."""
    for said in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if said == "en":
            return "en"
        if said == "ko":
            return "ko"
    return "ko"


async def _serve(house: House, page: Page, request: Request) -> Response:
    language = language_of(request)
    body = b"" if request.method in ("GET", "HEAD") else await read_body(request, BODY_BYTES_MAX)
    try:
        with in_words_of_ours():
            async with house.api.pool.connection() as conn:
                token = request.cookies.get(SESSION_COOKIE, "")
                actor = await _actor(house, conn, token)
                if actor is None:
                    return _to_sign_in(request)
                around = await shell(request, conn, actor, language, sessions.form_token(token))
                if actor.role not in page.roles:
                    return denied(house, language, around, page.roles)
                desk = Desk(house.api, conn, actor, house.api.now(), f"of-{uuid.uuid4().hex}")
                visit = Visit(request, desk, language, sessions.form_token(token))
                return await _answer(house, page, visit, around, token, body)
    except (Problem, Refused) as error:
        return problem_page(house, language, error, plain_shell(request, language))


async def _answer(
    house: House, page: Page, visit: Visit, around: Mapping[str, Any], token: str, body: bytes
) -> Response:
    try:
        if not body and visit.request.method in ("GET", "HEAD"):
            return respond(house, visit.request, visit.language, await page.show(visit), around)
        visit = replace(visit, form=read_form(body))
        if not sessions.form_token_fits(token, visit.form.one("form_token")):
            raise Problem(
                403, "form_refused", words.text("error.form", "en"), korean=words.text("error.form", "ko")
            )
        return await _act(house, page, visit, around, body)
    except (Problem, Refused, DeclarationRefused) as error:
        return problem_page(house, visit.language, error, around)


async def _act(house: House, page: Page, visit: Visit, around: Mapping[str, Any], body: bytes) -> Response:
    """What the form does, and once only; refused, the same page again with what was entered."""
    assert page.act is not None, "a page without a form takes no POST"
    act = page.act

    async def inner(_: Request) -> Response:
        return respond(house, visit.request, visit.language, await act(visit), around)

    async def work() -> Response:
        once = visit.form.one("once")
        if not once:
            return await inner(visit.request)
        return await idempotency.once(_keyed(visit.request, once), inner, body, visit.desk)

    try:
        return await whole(visit.desk, work)
    except EntriesRefused as refused:
        problems, fields, status = [], refused.fields, 422
    except DeclarationRefused as refused:
        problems = [f"{one.path}: {one.reason}" for one in refused.findings]
        fields, status = {}, 422
    except Refused as refused:
        if refused.code == "not_found":
            raise
        problems = [refused.korean if visit.language == "ko" else refused.english]
        fields, status = {}, STATUSES.get(refused.code, CONFLICT)
    again = await page.show(visit)
    return respond(
        house,
        visit.request,
        visit.language,
        again,
        {**around, "problems": problems, "field_problems": fields},
        status=status,
    )


def _keyed(request: Request, once: str) -> Request:
    headers = [(b"idempotency-key", once.encode("utf-8", "replace"))]
    return Request({**request.scope, "headers": headers})


async def _actor(house: House, conn: Connection, token: str) -> Actor | None:
    """The person behind the session, as the books know them now."""
    if not token:
        return None
    email = await sessions.whose(conn, token, now=house.api.now())
    found = None if email is None else await people.find(conn, email)
    if found is None:
        return None
    person, _ = found
    return Actor(person.email, person.role, person.company, person.provider)


def _to_sign_in(request: Request) -> Response:
    wanted = with_query(request.url.path, request.query_params)
    following = wanted if request.method == "GET" else request.url.path
    return _guarded(RedirectResponse(with_query("/sign-in", {"next": following}), status_code=303))


async def shell(
    request: Request, conn: Connection, actor: Actor, language: Language, form_token: str
) -> dict[str, Any]:
    """What stands around a page of somebody who is signed in."""
    organisation = None
    for table, name in (("company", actor.company), ("provider", actor.provider)):
        if name is not None:
            found = await rows_of(conn, f"select name from {table} where id = %s", [name])  # noqa: S608
            organisation = found[0]["name"] if found else name
    return plain_shell(request, language) | {
        "role": actor.role,
        "person": actor.person,
        "organisation": organisation,
        "prefix": PREFIXES[actor.role],
        "nav": NAV[actor.role],
        "form_token": form_token,
    }


def plain_shell(request: Request, language: Language) -> dict[str, Any]:
    other: Language = "en" if language == "ko" else "ko"
    return {
        "role": None,
        "person": None,
        "organisation": None,
        "prefix": "",
        "nav": (),
        "form_token": "",
        "once": uuid.uuid4().hex,
        "path": request.url.path,
        "query": dict(request.query_params),
        "language_path": with_query(request.url.path, request.query_params, lang=other),
        "other_language": other,
        "trail": (),
        "problems": (),
        "field_problems": {},
        "notice": None,
    }


def respond(
    house: House,
    request: Request,
    language: Language,
    reply: Reply,
    around: Mapping[str, Any],
    *,
    status: int | None = None,
) -> Response:
    if isinstance(reply, Go):
        return _guarded(RedirectResponse(reply.path, status_code=303))
    text = house.renderer.page(reply.template, language, {**around, **reply.shown})
    response = _guarded(HTMLResponse(text, status_code=status or reply.status))
    if request.query_params.get("lang") == language:
        house.cookie(response, LANGUAGE_COOKIE, language, max_age=LANGUAGE_KEPT_S)
    return response


def _guarded(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


def denied(house: House, language: Language, around: Mapping[str, Any], roles: Sequence[Role]) -> Response:
    """Says who sees the page, and nothing of what is on it."""
    names = {said: ", ".join(words.text(f"role.{role}", said) for role in roles) for said in ("ko", "en")}
    english, korean = (words.text("error.403", said, roles=names[said]) for said in ("en", "ko"))
    return problem_page(house, language, Problem(403, "forbidden", english, korean=korean), around)


def problem_page(house: House, language: Language, error: Exception, around: Mapping[str, Any]) -> Response:
    headers: Mapping[str, str] = {}
    if isinstance(error, Problem):
        status, headers = error.status, error.headers or {}
        said = error.korean if language == "ko" and error.korean else error.detail
    elif isinstance(error, Refused):
        status = STATUSES.get(error.code, CONFLICT)
        said = error.korean if language == "ko" else error.english
        if status == 404:
            said = words.text("error.404", language)
    else:
        assert isinstance(error, DeclarationRefused)
        status, said = 422, "; ".join(f"{one.path}: {one.reason}" for one in error.findings)
    shown = {**around, "said": said, "status": status}
    response = _guarded(HTMLResponse(house.renderer.page("error.html", language, shown), status_code=status))
    response.headers.update(headers)
    return response
