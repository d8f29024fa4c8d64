"""The office's tests begin with its people: who is there is made once, and copied with the schema."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from billing.database import connect
from launch.embedded_postgres import PostgresServer
from tests.fakes.office_people import furnish


@pytest.fixture(scope="session")
def migrated_template(
    shared_postgres: PostgresServer, admin: psycopg.Connection, migrated_template: str
) -> str:
    """In place of the one of all tests: what is copied from it has people."""

    async def make() -> None:
        async with await connect(shared_postgres.url_of("furnished")) as conn:
            await furnish(conn)

    admin.execute(f"create database furnished template {migrated_template} strategy file_copy")
    asyncio.run(make())
    return "furnished"
