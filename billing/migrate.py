"""Bring a database to this version's schema: forward only, safe to start from several processes at once.

Most starts find nothing to do. They ask for the version and leave it at that, without what a migration needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"


def upgrade(database_url: str) -> None:
    """Raises psycopg.OperationalError where the server cannot be reached."""
    with psycopg.connect(database_url) as connection:
        version = version_of(connection)
    if version != newest_version():
        from billing.migrations.forward import bring_forward  # Alembic takes longer to load than all else

        bring_forward(database_url)


def version_of(connection: psycopg.Connection) -> str | None:
    """None where there is no schema yet, or one that has not come to an end."""
    table = connection.execute("select to_regclass('alembic_version')").fetchone()
    if table is None or table[0] is None:
        return None
    rows = connection.execute("select version_num from alembic_version").fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None


def newest_version() -> str:
    """Of the migrations that travel inside the package: their files begin with it."""
    return max(path.name for path in VERSIONS.glob("[0-9]*.py")).partition("_")[0]
