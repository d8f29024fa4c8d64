"""How a migration runs its file of SQL: many statements as one, on the driver's own connection.

Alembic's `op.execute` takes one statement and reads `:name` and `%` in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from alembic import op


def run_sql(name: str) -> None:
    """Run `billing/migrations/sql/<name>.sql` in the migration's transaction."""
    driver_connection().execute((Path(__file__).parent / "sql" / f"{name}.sql").read_bytes())


def driver_connection() -> psycopg.Connection[Any]:
    driver = op.get_bind().connection.driver_connection
    assert isinstance(driver, psycopg.Connection), "a migration runs on a live connection"
    return driver
