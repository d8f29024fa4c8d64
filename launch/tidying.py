"""What `up` tidies while it runs: logs within their bound, dead processes that are nobody's."""

from __future__ import annotations

import asyncio
import os
from typing import Final

import psutil
import structlog

from config.settings import Settings
from launch import logs

TIDY_EVERY_S: Final = 10.0

log = structlog.get_logger(__name__)


async def keep_tidy(
    settings: Settings, *, strangers: Strangers | None = None, every_s: float = TIDY_EVERY_S
) -> None:
    """For good: neither chore waits for the other, and what fails once is tried again."""
    strangers = strangers or Strangers()
    while True:
        await asyncio.sleep(every_s)
        try:
            strangers.bury()
        except (OSError, psutil.Error) as error:
            log.warning("children_not_seen", reason=str(error))  # /proc may be closed to us
        try:
            logs.bound(settings.logs_dir, bytes_max=settings.limits.log_bytes_max)
        except OSError as error:
            log.warning("logs_not_bound", reason=str(error))  # no room for the copy: the next time


class Strangers:
    """Orphans that came to us without being asked for, as a killed PostgreSQL's own: the dead are let go.

    Our own dead are waited for at once by whoever keeps them; who is still dead at a second look is nobody's.
    """

    def __init__(self) -> None:
        self._dead: set[int] = set()

    def bury(self) -> None:
        dead = {child.pid for child in psutil.Process().children() if _is_dead(child)}
        for pid in dead & self._dead:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue  # somebody's after all
        self._dead = dead


def _is_dead(child: psutil.Process) -> bool:
    try:
        return bool(child.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
