"""Errors of the office's API as RFC 9457 problems, in Korean or English as the caller prefers.

One table says which status each refusal of the casework has; what is not in it is a conflict with the state
of things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from billing.declaration import DeclarationRefused
from billing.lifecycle.table import Refused
from gateway.problems import prefers_korean

STATUSES: Final[Mapping[str, int]] = {
    "forbidden": 403,
    "not_found": 404,
    "reason_required": 422,
    "scores_invalid": 422,
    "product_unknown": 422,
    "programme_unknown": 422,
    "provider_unknown": 422,
    "round_unknown": 422,
    "round_unsound": 422,
    "invalid": 422,
    "price_unknown": 422,
    "company_unknown": 422,
    "voucher_unknown": 422,
    "signature_invalid": 422,
    "report_unreadable": 422,
    "key_invalid": 422,
    "issuer_other": 422,
    "report_stale": 422,
    "tier_invalid": 422,
    "kind_unknown": 422,
}
CONFLICT: Final = 409
ERRORS_MAX: Final = 50


class Problem(Exception):
    """An expected refusal. `code` is for programs, `detail` one sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        korean: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.korean = korean
        self.headers = headers


def answer(
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    *,
    errors: Sequence[Mapping[str, Any]] = (),
) -> JSONResponse:
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
        }
        | ({"errors": list(errors)[:ERRORS_MAX]} if errors else {}),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


def _in_words(request: Request, english: str, korean: str | None) -> str:
    wants_korean = korean is not None and prefers_korean(request.headers.get("accept-language"))
    return korean if wants_korean and korean is not None else english


async def on_problem(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    detail = _in_words(request, problem.detail, problem.korean)
    return answer(problem.status, problem.code, detail, problem.headers)


async def on_refused(request: Request, refused: Exception) -> JSONResponse:
    assert isinstance(refused, Refused)
    status = STATUSES.get(refused.code, CONFLICT)
    return answer(status, refused.code, _in_words(request, refused.english, refused.korean))


async def on_declaration_refused(request: Request, refused: Exception) -> JSONResponse:
    """What `apply` refuses with the line, the office refuses with the field."""
    assert isinstance(refused, DeclarationRefused)
    errors = [{"field": finding.path, "reason": finding.reason} for finding in refused.findings]
    first = refused.findings[0]
    detail = _in_words(
        request, f"{first.path}: {first.reason}.", f"입력값을 확인해 주세요: {first.path}: {first.reason}"
    )
    return answer(422, "invalid_request", detail, errors=errors)


def wants_a_page(request: Request) -> bool:
    """A person with a browser, and not a program of the API."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/api/")


async def on_http_exception(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    return answer(error.status_code, code, str(error.detail), dict(error.headers or {}))


async def on_unexpected(request: Request, _: Exception) -> JSONResponse:
    """A fault of ours. It is raised on after this answer, and logged."""
    korean = "서버 오류가 발생했습니다. 처리되지 않았으니 잠시 후 다시 시도해 주세요."
    english = "A fault of ours; nothing was done. Try again later."
    return answer(500, "internal_error", _in_words(request, english, korean))


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(str(part) for part in one["loc"]), "reason": str(one["msg"])}
        for one in error.errors()
    ]
    first = errors[0]
    korean = f"입력값을 확인해 주세요: {first['field']}"
    detail = _in_words(request, f"{first['field']}: {first['reason']}.", korean)
    return answer(422, "invalid_request", detail, errors=errors)
