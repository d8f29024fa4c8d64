"""Where the servers of tests have their files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil

PREFIX: Final = "vgt-"
MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES_MIN: Final = 2 * 1024**3


def short_dir() -> Path:
    """A directory with a short path (unix sockets need one) that the servers' own user may enter.

    It lies in memory where the machine has room: a database is copied there in a tenth of the time. What is
    seen of a kill is the same, since what a process has written belongs to the kernel, on a disk or not; that
    a machine loses its power is nothing these tests could do.
    """
    where = MEMORY if _memory_has_room() else None
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=where))
    path.chmod(0o755)
    return path


def _memory_has_room() -> bool:
    if not MEMORY.is_dir():
        return False
    _forget_the_dead()
    room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return room >= MEMORY_BYTES_MIN


def _forget_the_dead() -> None:
    """Remove what runs left that were killed: in memory it would stay until the machine is restarted."""
    for path in MEMORY.glob(f"{PREFIX}*-*"):
        pid = path.name.removeprefix(PREFIX).split("-", 1)[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
