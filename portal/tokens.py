"""The office's bearer tokens: short-lived JWTs that say who somebody is, signed with a key of this house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import jwt

from portal.people import Person, Role

ISSUER: Final = "voucher-gateway"
ALGORITHM: Final = "HS256"


class TokenRefused(Exception):
    """Not ours, changed, or too old."""


@dataclass(frozen=True, slots=True)
class Caller:
    email: str
    role: Role
    company: str | None
    provider: str | None
    client: str | None = None  # the program that came as this person


def issue(
    person: Person, *, key: bytes, now_s: int, life_s: int, client: str | None = None
) -> tuple[str, int]:
    """-> the token and when it ends, in seconds since 1970."""
    ends_s = now_s + life_s
    claims = {
        "iss": ISSUER,
        "sub": person.email,
        "role": person.role,
        "company": person.company,
        "provider": person.provider,
        "iat": now_s,
        "exp": ends_s,
    } | ({} if client is None else {"client": client})
    return jwt.encode(claims, key, algorithm=ALGORITHM), ends_s


def read(token: str, *, key: bytes) -> Caller:
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[ALGORITHM], issuer=ISSUER, options={"require": ["exp", "sub", "iss"]}
        )
    except jwt.InvalidTokenError as error:
        raise TokenRefused(str(error)) from error
    return Caller(
        email=claims["sub"],
        role=claims["role"],
        company=claims["company"],
        provider=claims["provider"],
        client=claims.get("client"),
    )
