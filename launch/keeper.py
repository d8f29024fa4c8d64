"""Starts what dies anew: at once the first time, then ever slower, and quick again after a calm while.

What is kept is a `Keepable`: a role of ours or an embedded server. The keeper knows nothing of what they do.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import structlog

from config.settings import Limits
from launch.refusal import DiedStarting, Refused

log = structlog.get_logger(__name__)


class Keepable(Protocol):
    @property
    def name(self) -> str: ...

    async def start(self) -> None:
        """Start it and wait until it serves; raises Refused."""

    async def ended(self) -> int:
        """Wait for its end; returns at once if it does not run."""

    async def after_end(self) -> None:
        """What has to be said or tidied after an end, expected or not."""

    async def stop(self, *, hurry: asyncio.Event) -> None: ...


class Keeper:
    def __init__(self, kept: Keepable, limits: Limits) -> None:
        self.kept = kept
        self._limits = limits
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The first start. Its failure is the caller's business, every later one is ours.

        Who dies while it starts (killed, or a server beside it was) is started again: a house half up is no
        reason to give up. Who refuses to start has said why, and is believed.
        """
        for pause_s in (0.2, 1.0, None):
            try:
                await self.kept.start()
                break
            except DiedStarting as died:
                if pause_s is None:
                    raise
                log.error("died_starting", role=self.kept.name, reason=str(died))
                await self.kept.after_end()
                await asyncio.sleep(pause_s)
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.kept.name}")

    async def stop(self, *, hurry: asyncio.Event) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.kept.stop(hurry=hurry)

    async def _keep(self) -> None:
        wait_s = self._limits.restart_min_s
        while True:
            started_s = time.monotonic()
            code = await self.kept.ended()
            alive_s = time.monotonic() - started_s
            log.error("ended", role=self.kept.name, code=code, alive_s=round(alive_s, 3))
            await self._tidy()
            if alive_s >= self._limits.restart_calm_s:
                wait_s = self._limits.restart_min_s
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, self._limits.restart_max_s)
            try:
                await self.kept.start()
            except (Refused, OSError) as refused:  # also a full disk is over one day
                log.error("not_started", role=self.kept.name, reason=str(refused))
            else:
                log.info("started", role=self.kept.name)

    async def _tidy(self) -> None:
        try:
            await self.kept.after_end()
        except OSError as error:
            log.error("not_tidied", role=self.kept.name, reason=str(error))
