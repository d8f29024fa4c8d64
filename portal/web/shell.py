"""What stands around every page, the heads it is sent with, and how errors look in the same shell."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from billing.casework.rows import rows_of
from billing.database import Connection
from billing.declaration import DeclarationRefused
from billing.lifecycle.table import Actor, Refused, Role
from portal.api.desk import Api
from portal.problem import CONFLICT, STATUSES, Problem
from portal.web import words
from portal.web.formats import Language
from portal.web.navigation import groups_of
from portal.web.render import Renderer
from portal.web.visit import PREFIXES, File, Go, Raw, Reply, with_query

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


def language_of(request: Request) -> Language:
    """As asked for, as asked for before, or Korean."""
    for said in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if said == "en":
            return "en"
        if said == "ko":
            return "ko"
    return "ko"


async def signed_shell(
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
        "nav": groups_of(actor.role, request.url.path),
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
    if isinstance(reply, Raw):
        return guarded(reply.response)
    if isinstance(reply, Go):
        return guarded(RedirectResponse(reply.path, status_code=303))
    if isinstance(reply, File):
        headers = {"Content-Disposition": f'attachment; filename="{reply.name}"'}
        return guarded(Response(reply.data, media_type=reply.media_type, headers=headers))
    text = house.renderer.page(reply.template, language, {**around, **reply.shown})
    response = guarded(HTMLResponse(text, status_code=status or reply.status))
    if request.query_params.get("lang") == language:
        house.cookie(response, LANGUAGE_COOKIE, language, max_age=LANGUAGE_KEPT_S)
    return response


def guarded(response: Response) -> Response:
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
    response = guarded(HTMLResponse(house.renderer.page("error.html", language, shown), status_code=status))
    response.headers.update(headers)
    return response
