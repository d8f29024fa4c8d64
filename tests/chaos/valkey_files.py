"""Blows at Valkey's files: while it is down they are cut, or put back to what they were some time ago."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.chaos import aof
from tests.chaos.house import ChaosHouse, kill_and_wait, send, tree
from tests.chaos.schedule import Blow, Missed

SNAPSHOTS_MAX: Final = 4


class ValkeyFiles:
    """`up` waits until Valkey is up and has served, and tells its pid; it raises Missed."""

    def __init__(self, house: ChaosHouse, dice: random.Random, *, up: Callable[[], int]) -> None:
        self._house = house
        self._dice = dice
        self._up = up
        self._snapshots: list[Path] = []

    def truncate(self, blow: Blow, pid: int) -> str:
        with self._house.supervisor_halted():
            kill_and_wait(pid)
            path = aof.incremental_file(self._house.valkey_dir)
            if path is None:
                raise Missed("valkey has no file yet")
            if "command" in blow.kind:
                return f"{aof.cut_at_command(path, commands=self._dice.randint(1, 200))} bytes"
            return f"{aof.cut_bytes(path, 100)} bytes"

    def make_stale(self, blow: Blow, pid: int) -> str:
        if not self._snapshots:
            self.take_snapshot(pid)
            time.sleep(blow.lasts_s)
            pid = self._up()
        aside = self._snapshots.pop(0)
        age_s = time.time() - aside.stat().st_mtime
        with self._house.supervisor_halted():
            kill_and_wait(pid)
            aof.put_back(aside, self._house.valkey_dir)
        self.take_snapshot(self._up())
        return f"{age_s:.0f} s old"

    def take_snapshot(self, pid: int) -> None:
        """The files as they are now, to be put back later."""
        aside = self._house.root / f"snapshot-{time.monotonic_ns()}"
        stopped = tree(pid)
        send(stopped, signal.SIGSTOP)
        try:
            aof.copy_aside(self._house.valkey_dir, aside)
        finally:
            send(stopped, signal.SIGCONT)
        aside.touch()
        self._snapshots = [*self._snapshots, aside][:SNAPSHOTS_MAX]
