"""The API as one router under /api: every kind's routes, how one signs in, how it refuses."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.security import HTTPBearer

from portal.api import (
    agreements,
    alerts,
    applications,
    corrections,
    credentials,
    directory,
    notices,
    own_money,
    payments,
    prices,
    products,
    programmes,
    providers,
    reconciliations,
    rounds,
    statements,
    users,
    vouchers,
)

# Only for the OpenAPI document: portal.api.route looks at the token.
_BEARER: Final = HTTPBearer(bearerFormat="JWT", scheme_name="bearer", auto_error=False)
_PROBLEM: Final[dict[str, Any]] = {
    "description": "A refusal (RFC 9457): `code` is for programs, `detail` for people.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "code", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
                        },
                    },
                },
            }
        }
    },
}


def parts() -> list[APIRouter]:
    return [
        part.router()
        for part in (
            *(programmes, rounds, applications, agreements, vouchers),
            *(providers, products, prices, credentials, notices, directory, users),
            *(statements, corrections, reconciliations, payments, own_money),
            alerts,
        )
    ]


def router() -> APIRouter:
    whole = APIRouter(prefix="/api", dependencies=[Depends(_BEARER)], responses={"default": _PROBLEM})
    for part in parts():
        whole.include_router(part)
    return whole
