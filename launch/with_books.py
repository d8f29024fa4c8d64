"""A command's work in the books: run to its end, and what PostgreSQL refuses told in one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import psycopg

from launch.refusal import Refused

T = TypeVar("T")


def with_books(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except psycopg.errors.UndefinedTable as error:
        raise Refused("The books are of an earlier version: run `voucher-gateway migrate` first.") from error
    except psycopg.OperationalError as error:
        raise Refused(f"PostgreSQL at DATABASE_URL cannot be used: {str(error).strip()}") from error
