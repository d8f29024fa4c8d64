"""POST /webhooks/stripe: what Stripe tells is verified and stored, and that is all; the worker does the rest.

It is no part of the API: nobody signs in, the signature is the whole proof. Answered 200 only after the
commit, so that what was not stored is sent again.
"""

from __future__ import annotations

import time
from typing import Final

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout

from billing.database import Pool
from billing.payments.stripe_reading import NotAnEvent
from billing.payments.webhooks import BODY_BYTES_MAX, is_signed, keep
from portal.problem import Problem

PATH: Final = "/webhooks/stripe"


def router(pool: Pool, secrets: tuple[str, ...]) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.post(PATH)
    async def stripe_webhook(request: Request) -> JSONResponse:
        if not secrets:
            raise Problem(404, "webhooks_off", "No webhook secret is set, so no webhook can be believed.")
        body = await _body_of(request)
        header = request.headers.get("stripe-signature", "")
        if not is_signed(body, header, secrets, now_s=time.time()):
            raise Problem(400, "wrong_signature", "The signature is not one of ours, or too old.")
        try:
            async with pool.connection() as conn:
                is_new = await keep(conn, body)
        except NotAnEvent as error:
            raise Problem(400, "not_an_event", f"The body is no event: {error}.") from None
        except (psycopg.OperationalError, PoolTimeout):
            raise Problem(503, "books_unavailable", "The books cannot be reached; send it again.") from None
        return JSONResponse({"received": True, "new": is_new})

    return made


async def _body_of(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise Problem(413, "request_too_large", f"An event has at most {BODY_BYTES_MAX} bytes.")
        parts.append(part)
    return b"".join(parts)
