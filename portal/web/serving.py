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
from starlette.responses import RedirectResponse, Response

from billing.database import Connection
from billing.declaration import DeclarationRefused
from billing.lifecycle.table import Actor, Refused, Role
from portal import people
from portal.api import idempotency
from portal.api.desk import Desk
from portal.api.route import BODY_BYTES_MAX, in_words_of_ours, read_body, whole
from portal.problem import CONFLICT, STATUSES, Problem
from portal.web import sessions, words
from portal.web.forms import EntriesRefused
from portal.web.shell import (
    SESSION_COOKIE,
    House,
    denied,
    guarded,
    language_of,
    plain_shell,
    problem_page,
    respond,
    signed_shell,
)
from portal.web.visit import Reply, Visit, read_form, with_query

# What a person can mend in the form, or send again as it is.
_ABOUT_THE_FORM: Final = (409, 422, 503)
Handler = Callable[[Visit], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Page:
    """`act` is what its form does; it answers with where to go on, or with what is shown once.

    `body_bytes_max`: more than a form has, where a file comes with it; for those who are signed in.
    """

    path: str
    roles: tuple[Role, ...]
    show: Handler
    act: Handler | None = None
    body_bytes_max: int = BODY_BYTES_MAX


def mount(app: FastAPI, house: House, pages: Sequence[Page]) -> None:
    for page in pages:
        methods = ["GET"] if page.act is None else ["GET", "POST"]
        app.add_route(page.path, partial(_serve, house, page), methods=methods, include_in_schema=False)
    app.state.pages = tuple(pages)


async def _serve(house: House, page: Page, request: Request) -> Response:
    language = language_of(request)
    try:
        with in_words_of_ours():
            body = b"" if request.method in ("GET", "HEAD") else await _read_body(house, page, request)
            async with house.api.pool.connection() as conn:
                token = request.cookies.get(SESSION_COOKIE, "")
                actor = await _actor(house, conn, token)
                if actor is None:
                    return _to_sign_in(request)
                around = await signed_shell(request, conn, actor, language, sessions.form_token(token))
                if actor.role not in page.roles:
                    return denied(house, language, around, page.roles)
                desk = Desk(house.api, conn, actor, house.api.now(), f"of-{uuid.uuid4().hex}")
                visit = Visit(request, desk, language, sessions.form_token(token))
                return await _answer(house, page, visit, around, token, body)
    except (Problem, Refused) as error:
        return problem_page(house, language, error, plain_shell(request, language))


async def _read_body(house: House, page: Page, request: Request) -> bytes:
    """With no connection held meanwhile, however slowly it comes."""
    bytes_max = BODY_BYTES_MAX
    if page.body_bytes_max > BODY_BYTES_MAX:
        async with house.api.pool.connection() as conn:
            actor = await _actor(house, conn, request.cookies.get(SESSION_COOKIE, ""))
        if actor is not None and actor.role in page.roles:
            bytes_max = page.body_bytes_max
    return await read_body(request, bytes_max)


async def _answer(
    house: House, page: Page, visit: Visit, around: Mapping[str, Any], token: str, body: bytes
) -> Response:
    try:
        if not body and visit.request.method in ("GET", "HEAD"):
            return respond(house, visit.request, visit.language, await page.show(visit), around)
        visit = replace(visit, form=read_form(body, visit.request.headers.get("content-type", "")))
        if not sessions.form_token_fits(token, visit.form.one("form_token")):
            raise Problem(
                403, "form_refused", words.text("error.form", "en"), korean=words.text("error.form", "ko")
            )
        return await _act(house, page, visit, around)
    except (Problem, Refused, DeclarationRefused) as error:
        return problem_page(house, visit.language, error, around)


async def _act(house: House, page: Page, visit: Visit, around: Mapping[str, Any]) -> Response:
    """What the form does, and once only; refused, the same page again with what was entered."""
    assert page.act is not None, "a page without a form takes no POST"
    act = page.act

    async def inner(_: Request) -> Response:
        return respond(house, visit.request, visit.language, await act(visit), around)

    async def work() -> Response:
        once = visit.form.one("once")
        if not once:
            return await inner(visit.request)
        return await idempotency.once(_keyed(visit.request, once), inner, visit.form.fingerprint, visit.desk)

    try:
        return guarded(await whole(visit.desk, work))
    except EntriesRefused as refused:
        problems, fields, status = [], refused.fields, 422
    except Problem as refused:
        if refused.status not in _ABOUT_THE_FORM:
            raise
        said = refused.korean if visit.language == "ko" and refused.korean else refused.detail
        problems, fields, status = [said], {}, refused.status
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
    return guarded(RedirectResponse(with_query("/sign-in", {"next": following}), status_code=303))
