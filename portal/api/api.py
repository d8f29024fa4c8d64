"""The API under /api: every kind's routes, how one signs in, how it refuses."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.routing import BaseRoute

from portal.api import (
    agreements,
    alerts,
    applications,
    clients,
    corrections,
    credentials,
    directory,
    findings,
    jobs,
    notices,
    objections,
    own_funds,
    own_money,
    payables,
    payments,
    payouts,
    prices,
    products,
    programmes,
    providers,
    reconciliations,
    reported_products,
    rounds,
    settlements,
    statements,
    usage_reports,
    users,
    vouchers,
)
from portal.api.part import PREFIX, Whole

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


@cache  # the pages take them too, and they are slow to make and know nothing of an installation
def parts() -> tuple[APIRouter, ...]:
    return tuple(
        part.router()
        for part in (
            *(programmes, rounds, applications, agreements, vouchers),
            *(providers, products, prices, credentials, notices, directory, users, clients),
            *(statements, corrections, reconciliations, payments, own_money, own_funds),
            *(payables, payouts, objections, settlements, findings, jobs),
            *(reported_products, usage_reports, alerts),
        )
    )


def mount(app: FastAPI) -> None:
    app.router.routes.extend(_routes())


@cache  # for each router that is included into an application FastAPI works its routes out once more
def _routes() -> tuple[BaseRoute, ...]:
    whole = Whole(dependencies=[Depends(_BEARER)], responses={"default": _PROBLEM})
    for part in parts():
        whole.include_router(part)
    below = APIRouter()
    below.include_router(whole, prefix=PREFIX)
    return tuple(below.routes)
