"""A data directory as a first start leaves its books, before anything else: made once, copied for each house.

To make a cluster and its schema takes as long as to start all roles. Tests of the first start itself (`up` on
a directory that is not there yet) are in tests/launch and tests/docs.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
from pathlib import Path

from billing import migrate
from launch import data_dir
from launch.embedded_postgres import PostgresServer
from tests.fakes.short_dir import short_dir


def prepare_state(path: Path) -> Path:
    """Where there is nothing yet. The books' files belong to whom PostgreSQL runs as, hence no copytree."""
    if not path.exists():
        subprocess.run(["cp", "--archive", str(_made_once()), str(path)], check=True)
    return path


@functools.cache
def _made_once() -> Path:
    root = short_dir()
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    claimed = data_dir.claim(root / "d")
    server = PostgresServer(
        data_dir=claimed.path / "postgres", socket_dir=root / "run", log_path=root / "postgres.log"
    )
    server.start()
    migrate.upgrade(server.url)
    server.stop()
    claimed.close()
    return claimed.path
