"""The schema of the queue, as its package brings it: whole for a new database, by its later files for an old.

Which files a database has had is remembered, so that one that began with a newer package does not have them
again. Every migration of ours that goes with a newer package calls `bring_up` (docs/decisions/0041).
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import psycopg


def files() -> list[str]:
    """The package's files of changes, in their order: their names begin with the version."""
    folder = resources.files("procrastinate") / "sql" / "migrations"
    return sorted(one.name for one in folder.iterdir() if one.name.endswith(".sql"))


def bring_up(conn: psycopg.Connection[Any]) -> list[str]:
    """In the caller's SQL transaction. -> what was applied."""
    had = {row[0] for row in conn.execute("select file from queue_schema").fetchall()}
    new = [name for name in files() if name not in had]
    if not had:
        conn.execute(_text("schema.sql"))  # has all changes up to its version
    else:
        for name in new:
            conn.execute(_text("migrations", name))
    for name in new:
        conn.execute("insert into queue_schema (file) values (%s)", [name])
    return new


def _text(*path: str) -> bytes:
    return resources.files("procrastinate").joinpath("sql", *path).read_bytes()
