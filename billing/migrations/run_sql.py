"""How a migration runs its file of SQL: many statements as one, on the driver's own connection.

Alembic's `op.execute` takes one statement and reads `:name` and `%` in it.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_sql(name: str) -> None:
    """Run `billing/migrations/sql/<name>.sql` in the migration's transaction."""
    statements = (Path(__file__).parent / "sql" / f"{name}.sql").read_bytes()
    driver = op.get_bind().connection.driver_connection
    assert driver is not None, "a migration runs on a live connection"
    driver.execute(statements)
