"""A command's work in the books: run to its end, and what PostgreSQL refuses told in one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from launch.refusal import Refused

T = TypeVar("T")


@contextmanager
def of_this_version() -> Iterator[None]:
    """Raises Refused where the schema is not there, or not yet ours."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise Refused("The books are of an earlier version: run `voucher-gateway migrate` first.") from error


def with_books(work: Coroutine[Any, Any, T]) -> T:
    try:
        with of_this_version():
            return asyncio.run(work)
    except psycopg.OperationalError as error:
        raise Refused(f"PostgreSQL at DATABASE_URL cannot be used: {str(error).strip()}") from error
