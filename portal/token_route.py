"""POST /api/token: who somebody is, traded for a bearer token that lives for some minutes.

Nobody is known yet, so little is read, and tries are counted before anything is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from billing.database import Pool
from portal import clients, passwords, tokens
from portal.api.route import Handle, in_words_of_ours, read_body, replayed
from portal.attempts import Attempts
from portal.signing_in import sign_in, sign_in_client

BODY_BYTES_MAX: Final = 16 * 1024


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: str = Field(max_length=254)
    password: str = Field(max_length=passwords.PASSWORD_CHARACTERS_MAX)


class ClientLogin(BaseModel):
    """Of a program: what `POST /api/clients` showed once."""

    model_config = ConfigDict(extra="forbid")
    client_id: str = Field(max_length=clients.ID_CHARACTERS_MAX)
    client_secret: str = Field(max_length=clients.SECRET_CHARACTERS_MAX)


def _whose(body: object) -> str:
    return "client" if isinstance(body, Mapping) and "client_id" in body else "person"


AnyLogin = Annotated[
    Annotated[Login, Tag("person")] | Annotated[ClientLogin, Tag("client")], Discriminator(_whose)
]


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

    @made.post("/api/token", summary="A token for a person, or for a program")
    async def token(request: Request, login: AnyLogin) -> Token:
        """Trade a password, or a program's secret, for a bearer token that lives for some minutes."""
        host = request.client.host if request.client is not None else None
        now_s = time.monotonic()
        client: str | None = None
        if isinstance(login, ClientLogin):
            client, secret = login.client_id, login.client_secret
            person = await sign_in_client(
                pool, attempts, host=host, client_id=client, secret=secret, now_s=now_s
            )
        else:
            email, password = login.email, login.password
            person = await sign_in(pool, attempts, host=host, email=email, password=password, now_s=now_s)
        text, ends_s = tokens.issue(
            person, key=token_key, now_s=int(time.time()), life_s=token_life_s, client=client
        )
        return Token(token=text, expires_at=datetime.fromtimestamp(ends_s, UTC))

    return made
