"""The pages before anybody is known: the front, signing in and out; and the two files that pages load."""

from __future__ import annotations

import time
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal import passwords, people
from portal.api.route import in_words_of_ours, read_body
from portal.attempts import Attempts
from portal.pages import Addresses
from portal.problem import Problem
from portal.signing_in import sign_in
from portal.web import render, sessions, shell, words
from portal.web.shell import House
from portal.web.visit import PREFIXES, Go, Html, read_form, with_query

FORM_BYTES_MAX: Final = 4096
EMAIL_CHARACTERS_MAX: Final = 254
# Before there is a session, a form is tied to this cookie, so that nobody is signed in by another's page.
VISITOR_COOKIE: Final = "office_visitor"
_FILES: Final = {"office.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}


def router(house: House, attempts: Attempts, addresses: Addresses) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    _add_front(made, house, addresses)
    _add_signing_in(made, house, attempts)
    _add_signing_out(made, house)

    @made.get("/static/{name}")
    async def file(name: str) -> Response:
        if name not in _FILES:
            raise Problem(404, "not_found", "There is no such file.")
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(render.static(name), media_type=_FILES[name], headers=headers)

    return made


def _add_front(made: APIRouter, house: House, addresses: Addresses) -> None:
    @made.get("/")
    async def front(request: Request) -> Response:
        home = await _home_of(house, request)
        if home is not None:
            return shell.respond(house, request, "ko", home, {})
        language = shell.language_of(request)
        shown = Html("front.html", {"addresses": addresses})
        return shell.respond(house, request, language, shown, shell.plain_shell(request, language))


async def _home_of(house: House, request: Request) -> Go | None:
    token = request.cookies.get(shell.SESSION_COOKIE, "")
    if not token:
        return None
    with in_words_of_ours():
        async with house.api.pool.connection() as conn:
            email = await sessions.whose(conn, token, now=house.api.now())
            found = None if email is None else await people.find(conn, email)
    return None if found is None else Go(PREFIXES[found[0].role])


def _add_signing_in(made: APIRouter, house: House, attempts: Attempts) -> None:
    @made.get("/sign-in")
    async def show(request: Request) -> Response:
        return _entry(house, request, request.query_params.get("next", ""))

    @made.post("/sign-in")
    async def enter(request: Request) -> Response:
        language = shell.language_of(request)
        form = read_form(await read_body(request, FORM_BYTES_MAX))
        following = form.one("next")
        visitor = request.cookies.get(VISITOR_COOKIE, "")
        if not visitor or not sessions.form_token_fits(visitor, form.one("form_token")):
            return _entry(house, request, following, problem=words.text("error.form", language), status=403)
        email = form.one("email")[:EMAIL_CHARACTERS_MAX]
        password = form.values.get("password", [""])[0][: passwords.PASSWORD_CHARACTERS_MAX + 1]
        try:
            with in_words_of_ours():
                person = await sign_in(
                    house.api.pool,
                    attempts,
                    host=request.client.host if request.client is not None else None,
                    email=email,
                    password=password,
                    now_s=time.monotonic(),
                )
                token = await _renewed(house, request, person.email)
        except Problem as refused:
            said = refused.korean if language == "ko" and refused.korean else refused.detail
            entry = _entry(house, request, following, problem=said, status=refused.status, email=email)
            entry.headers.update(refused.headers or {})
            return entry
        response = RedirectResponse(safe_next(following) or PREFIXES[person.role], status_code=303)
        house.cookie(response, shell.SESSION_COOKIE, token)
        response.headers.update(shell.HEADERS)
        return response


def _add_signing_out(made: APIRouter, house: House) -> None:
    @made.post("/sign-out")
    async def leave(request: Request) -> Response:
        form = read_form(await read_body(request, FORM_BYTES_MAX))
        token = request.cookies.get(shell.SESSION_COOKIE, "")
        if token and not sessions.form_token_fits(token, form.one("form_token")):
            language = shell.language_of(request)
            refused = Problem(
                403, "form_refused", words.text("error.form", "en"), korean=words.text("error.form", "ko")
            )
            around = shell.plain_shell(request, language)
            return shell.problem_page(house, language, refused, around)
        with in_words_of_ours():
            async with house.api.pool.connection() as conn:
                await sessions.end(conn, token, now=house.api.now())
        response = RedirectResponse("/sign-in?done=out", status_code=303)
        response.delete_cookie(shell.SESSION_COOKIE, path="/")
        response.headers.update(shell.HEADERS)
        return response


async def _renewed(house: House, request: Request, email: str) -> str:
    """A new session; the one that came with the request, whosever it was, is over."""
    now = house.api.now()
    async with house.api.pool.connection() as conn:
        await sessions.end(conn, request.cookies.get(shell.SESSION_COOKIE, ""), now=now)
        return await sessions.begin(conn, email, now=now)


def _entry(
    house: House,
    request: Request,
    following: str,
    *,
    problem: str | None = None,
    status: int = 200,
    email: str = "",
) -> Response:
    language = shell.language_of(request)
    visitor = request.cookies.get(VISITOR_COOKIE, "") or sessions.new_token()
    around = shell.plain_shell(request, language) | {
        "path": "/sign-in",
        "language_path": with_query(
            "/sign-in", {"next": safe_next(following) or "", "lang": "en" if language == "ko" else "ko"}
        ),
        "form_token": sessions.form_token(visitor),
        "problems": () if problem is None else (problem,),
        "notice": "signed_out" if request.query_params.get("done") == "out" else None,
    }
    shown = Html("sign_in.html", {"following": safe_next(following) or "", "email": email})
    response = shell.respond(house, request, language, shown, around, status=status)
    house.cookie(response, VISITOR_COOKIE, visitor)
    return response


def safe_next(path: str) -> str | None:
    """A path of this house and nothing else: no host, no scheme, nothing a browser reads as one."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and len(path) <= 2000
    return path if is_ours and path.isprintable() and "\\" not in path else None
