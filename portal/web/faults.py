"""Unknown addresses and faults of ours: a page for people, a problem for programs."""

from __future__ import annotations

import uuid

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from portal import problem
from portal.web import shell, words

log = structlog.get_logger(__name__)


def add(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(problem.Problem, _on_problem)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not problem.wants_a_page(request):
        return await problem.on_http_exception(request, error)
    key = f"error.{error.status_code}"
    english, korean = (
        words.text(key, said) if key in words.TEXTS else str(error.detail) for said in ("en", "ko")
    )
    return _page(request, problem.Problem(error.status_code, "http", english, korean=korean))


async def _on_problem(request: Request, error: Exception) -> Response:
    if not problem.wants_a_page(request):
        return await problem.on_problem(request, error)
    return _page(request, error)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    """It is raised on after this answer, and logged; the number ties both together."""
    if not problem.wants_a_page(request):
        return await problem.on_unexpected(request, error)
    number = uuid.uuid4().hex[:8]
    log.error("page_failed", number=number, path=request.url.path, reason=type(error).__name__)
    english, korean = (words.text("error.500", said, number=number) for said in ("en", "ko"))
    return _page(request, problem.Problem(500, "internal_error", english, korean=korean))


def _page(request: Request, error: Exception) -> Response:
    language = shell.language_of(request)
    around = shell.plain_shell(request, language)
    return shell.problem_page(request.app.state.house, language, error, around)
