"""POST /api/token: who somebody is, traded for a bearer token that lives for some minutes.

Nobody is known yet, so little is read, and tries are counted before anything is looked at.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from billing.database import Pool
from portal import passwords, tokens
from portal.api.route import Handle, in_words_of_ours, read_body, replayed
from portal.attempts import Attempts
from portal.signing_in import sign_in

BODY_BYTES_MAX: Final = 16 * 1024


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: str = Field(max_length=254)
    password: str = Field(max_length=passwords.PASSWORD_CHARACTERS_MAX)


class Token(BaseModel):
    token: str
    expires_at: datetime


class _TokenRoute(APIRoute):
    """A body within its limit; what PostgreSQL refuses is told as on every other route."""

    def get_route_handler(self) -> Handle:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            body = await read_body(request, BODY_BYTES_MAX)
            with in_words_of_ours():
                return await inner(Request(request.scope, replayed(body)))

        return handle


def router(pool: Pool, attempts: Attempts, *, token_key: bytes, token_life_s: int) -> APIRouter:
    made = APIRouter(route_class=_TokenRoute)

    @made.post("/api/token", summary="A token for a person")
    async def token(request: Request, login: Login) -> Token:
        """Trade a mail address and a password for a bearer token that lives for some minutes."""
        person = await sign_in(
            pool,
            attempts,
            host=request.client.host if request.client is not None else None,
            email=login.email,
            password=login.password,
            now_s=time.monotonic(),
        )
        text, ends_s = tokens.issue(person, key=token_key, now_s=int(time.time()), life_s=token_life_s)
        return Token(token=text, expires_at=datetime.fromtimestamp(ends_s, UTC))

    return made
