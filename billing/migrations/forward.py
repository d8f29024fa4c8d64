"""Alembic, configured here: no file lies about that an operator could forget.

An advisory lock makes the second process wait and then find nothing to do; it ends with the connection.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

MIGRATION_LOCK: Final = 0x76676D  # "vgm"


def bring_forward(database_url: str) -> None:
    """Raises psycopg.OperationalError where the server goes away."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database_url), poolclass=NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
            connection.commit()
    except OperationalError as error:
        raise psycopg.OperationalError(str(error.orig)) from error
    finally:
        engine.dispose()
