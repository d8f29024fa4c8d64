"""The people of the office in PostgreSQL, and the one-time links that let them set a password."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

import psycopg

from billing.database import Connection
from portal.web import sessions

Role = Literal["operator", "auditor", "company", "provider"]
ROLES: tuple[Role, ...] = get_args(Role)


class PersonRefused(Exception):
    """A person that cannot be: the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    role: Role
    company: str | None = None
    provider: str | None = None

    def __post_init__(self) -> None:
        if "@" not in self.email or not 3 <= len(self.email) <= 254:
            raise PersonRefused(f"{self.email!r} is not a mail address.")
        if (self.role == "company") != (self.company is not None):
            raise PersonRefused("A person of the role company belongs to a company, nobody else does.")
        if (self.role == "provider") != (self.provider is not None):
            raise PersonRefused("A person of the role provider belongs to a provider, nobody else does.")


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def find(connection: Connection, email: str) -> tuple[Person, str | None] | None:
    """The person and the password's hash; disabled people are not found."""
    cursor = await connection.execute(
        "select email, role, company, provider, password_hash from person"
        " where email = %s and disabled_at is null",
        (email.lower(),),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return Person(email=row[0], role=row[1], company=row[2], provider=row[3]), row[4]


async def put(connection: Connection, person: Person, *, password_hash: str | None) -> bool:
    """Create the person; True where new. An existing one keeps the password unless a new one is given.

    Raises PersonRefused, also where the address belongs to somebody else: nobody gets another role by it.
    """
    await _check_belonging(connection, person)
    email = person.email.lower()
    cursor = await connection.execute(
        "insert into person (email, role, company, provider, password_hash) values (%s, %s, %s, %s, %s)"
        " on conflict (email) do nothing returning email",
        (email, person.role, person.company, person.provider, password_hash),
    )
    if await cursor.fetchone() is not None:
        return True
    await _check_same(connection, person)
    if password_hash is not None:
        await connection.execute(
            "update person set password_hash = %s where email = %s", (password_hash, email)
        )
    return False


async def _check_same(connection: Connection, person: Person) -> None:
    cursor = await connection.execute(
        "select role, company, provider, disabled_at is not null from person where email = %s",
        (person.email.lower(),),
    )
    row = await cursor.fetchone()
    assert row is not None, "people are never removed"
    *known, is_disabled = row
    if known != [person.role, person.company, person.provider]:
        belongs = known[1] or known[2]
        of = f"{known[0]} of {belongs}" if belongs else known[0]
        raise PersonRefused(f"{person.email} is there already, as {of}; give somebody else another address.")
    if is_disabled:
        raise PersonRefused(f"{person.email} is disabled; an operator enables people at the office.")


async def _check_belonging(connection: Connection, person: Person) -> None:
    for table, name in (("company", person.company), ("provider", person.provider)):
        if name is None:
            continue
        query = psycopg.sql.SQL("select 1 from {} where id = %s").format(psycopg.sql.Identifier(table))
        cursor = await connection.execute(query, (name,))
        if await cursor.fetchone() is None:
            raise PersonRefused(f"There is no {table} {name!r}.")


async def invite(connection: Connection, email: str, *, life_s: float) -> str:
    """A new one-time token for the person's link; earlier ones end."""
    token = secrets.token_urlsafe(32)
    await connection.execute(
        "update invitation set used_at = now() where email = %s and used_at is null", (email.lower(),)
    )
    await connection.execute(
        "insert into invitation (token_hash, email, expires_at)"
        " values (%s, %s, now() + make_interval(secs => %s))",
        (_token_hash(token), email.lower(), life_s),
    )
    return token


async def invited(connection: Connection, token: str) -> str | None:
    """Whose link this is, if it is still good."""
    cursor = await connection.execute(
        "select email from invitation where token_hash = %s and used_at is null and expires_at > now()",
        (_token_hash(token),),
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def accept(connection: Connection, token: str, *, password_hash: str) -> bool:
    """Set the password and use the link up, in one step; False where the link is no good any more."""
    async with connection.transaction():
        cursor = await connection.execute(
            "update invitation set used_at = now()"
            " where token_hash = %s and used_at is null and expires_at > now() returning email",
            (_token_hash(token),),
        )
        row = await cursor.fetchone()
        if row is None:
            return False
        await connection.execute(
            "update person set password_hash = %s where email = %s", (password_hash, row[0])
        )
        await sessions.end_all(connection, row[0])
        return True
