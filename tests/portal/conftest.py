"""The office's tests begin with its people: who is there is made once, and copied with the schema."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from billing.database import connect
from launch.embedded_postgres import PostgresServer
from tests.conftest import copied_books
from tests.fakes.office_people import furnish


@pytest.fixture(scope="session")
def furnished_template(
    shared_postgres: PostgresServer, admin: psycopg.Connection, migrated_template: str
) -> str:
    async def make() -> None:
        async with await connect(shared_postgres.url_of("furnished")) as conn:
            await furnish(conn)

    admin.execute(f"create database furnished template {migrated_template} strategy file_copy")
    asyncio.run(make())
    return "furnished"


@pytest.fixture
def books_url(
    shared_postgres: PostgresServer, admin: psycopg.Connection, furnished_template: str
) -> Iterator[str]:
    with copied_books(shared_postgres, admin, furnished_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_books_url(
    shared_postgres: PostgresServer, admin: psycopg.Connection, furnished_template: str
) -> Iterator[str]:
    with copied_books(shared_postgres, admin, furnished_template) as url:
        yield url
