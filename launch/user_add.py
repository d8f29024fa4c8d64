"""`user add`: a person for the office, and the one-time link to hand to them."""

from __future__ import annotations

import asyncio

import psycopg

from billing.database import connect
from config.settings import Settings
from launch.refusal import Refused
from portal import people


async def _add(settings: Settings, person: people.Person) -> str:
    assert settings.database_url is not None
    async with await connect(settings.database_url) as connection, connection.transaction():
        await people.put(connection, person, password_hash=None)
        return await people.invite(connection, person.email, life_s=settings.limits.invitation_life_s)


def add(settings: Settings, *, email: str, role: str, company: str | None, provider: str | None) -> str:
    """The link. Raises Refused."""
    known = next((name for name in people.ROLES if name == role), None)
    if known is None:
        raise Refused(f"There is no role {role!r}: it is one of {', '.join(people.ROLES)}.")
    try:
        person = people.Person(email=email.lower(), role=known, company=company, provider=provider)
        token = asyncio.run(_add(settings, person))
    except people.PersonRefused as refused:
        raise Refused(str(refused)) from refused
    except psycopg.OperationalError as error:
        raise Refused(f"PostgreSQL at DATABASE_URL cannot be used: {str(error).strip()}") from error
    return f"{settings.office_address(settings.office_port)}/welcome/{token}"
