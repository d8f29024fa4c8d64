"""The API as one router under /api: every kind's routes, and that each of them says who may use it."""

from __future__ import annotations

from fastapi import APIRouter

from portal.api import agreements, applications, directory, programmes, rounds, users, vouchers


def router() -> APIRouter:
    whole = APIRouter(prefix="/api")
    for part in (programmes, rounds, applications, agreements, vouchers, directory, users):
        whole.include_router(part.router())
    return whole
