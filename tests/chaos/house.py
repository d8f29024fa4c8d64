"""The house under fire: `up` and its vendor, on a disk that can be filled, behind wires that can be cut.

Everything is a process of `tests.fakes.house`; here is what is needed to hurt one: its pid, a halt of the
supervisor so that what it keeps stays down for a moment, and the place where Valkey's files lie.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from tests.fakes.house import House

DISK_BYTES: Final = 8 * 1024**3
FILL_TRIES: Final = 20
LOG_TAIL_BYTES: Final = 65_536
# A role is killed every ten seconds: to the supervisor a crash loop, answered with ever longer pauses. Here
# two seconds alive count as calm, so that what is measured is the recovery and not the pause.
ENVIRONMENT: Final = {"VOUCHER_GATEWAY_RESTART_CALM_S": "2", "VOUCHER_GATEWAY_RESTART_MAX_S": "1"}


class ChaosHouse(House):
    def __init__(self, *, workers: int = 2, own_disk: bool = True) -> None:
        super().__init__(workers=workers, environment=ENVIRONMENT)
        self.disk: Disk | None = None
        if own_disk and Disk.is_possible():
            self.data_dir.mkdir(mode=0o711)
            self.disk = Disk(self.data_dir)
            self.disk.mount()

    def _remove(self) -> None:
        if self.disk is not None:
            self.disk.free()  # who waits for room can end
        try:
            super()._remove()
        finally:
            if self.disk is not None:
                self.disk.unmount()
                self.data_dir.rmdir()
                self.root.rmdir()

    @property
    def up_pid(self) -> int:
        assert self._child is not None
        return self._child.process.pid

    @property
    def vendor_pid(self) -> int:
        return self.vendors[0].pid

    @property
    def redis_url(self) -> str:
        return self._noted("redis_url")

    def pid_of(self, role: str) -> int | None:
        """None while it is down."""
        return next(iter(self.pids_of(role)), None)

    @contextmanager
    def supervisor_halted(self) -> Iterator[None]:
        """What is killed meanwhile stays down: nobody starts it anew."""
        os.kill(self.up_pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.up_pid, signal.SIGCONT)

    @property
    def valkey_dir(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"


class InLoop:
    """What lives in an event loop (wires), from a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def do(self, act: Callable[..., None], *values: Any) -> None:
        self._loop.call_soon_threadsafe(act, *values)

    def wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def has_answered(log: Path, pid: int) -> bool:
    """Whether the last lines of its log tell of a call that this gateway answered well and was paid for."""
    try:
        with log.open("rb") as lines:
            lines.seek(max(0, lines.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            tail = lines.read().splitlines()
    except FileNotFoundError:
        return False
    wanted = f'"process_id":{pid},'.encode()
    return any(
        b'"status":200' in line and b'"charge_micro":null' not in line and wanted in line for line in tail
    )


def posted_so_far(database_url: str) -> int | None:
    """A number that rises with each booking, also one that comes to nothing; None: the books are away."""
    return _number(database_url, "select last_value from usage_seq")


def has_posted_since(database_url: str, number: int) -> bool:
    """Whether a booking of a higher number was committed. It reads the whole table."""
    return bool(_number(database_url, f"select count(*) from usage where seq > {number}"))


def _number(database_url: str, query: str) -> int | None:
    try:
        with psycopg.connect(database_url, connect_timeout=2) as books:
            row = books.execute(query.encode()).fetchone()
    except psycopg.Error:
        return None
    return None if row is None else row[0]


def kill_and_wait(pid: int, *, timeout_s: float = 5.0) -> None:
    """kill -9, until it runs no more (its parent, halted, cannot take note of that: a zombie is dead)."""
    try:
        process = psutil.Process(pid)
        process.kill()
        deadline_s = time.monotonic() + timeout_s
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline_s, f"process {pid} survives kill -9"
            time.sleep(0.005)
    except psutil.NoSuchProcess:
        return


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it: PostgreSQL works in many."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def age_s(pid: int) -> float:
    try:
        return time.time() - psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue


class Disk:
    """A small file system of the house's own (tmpfs, which only root may mount): full at a word."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @staticmethod
    def is_possible() -> bool:
        return os.geteuid() == 0

    def mount(self) -> None:
        _run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0711", "chaos", str(self._path))

    def fill(self) -> bool:
        """From now on no byte more: the size becomes what is used. False: it grew while we looked."""
        for _ in range(FILL_TRIES):
            found = os.statvfs(self._path)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            words = ("mount", "-o", f"remount,size={used}", str(self._path))
            if subprocess.run(words, check=False, capture_output=True, timeout=10).returncode == 0:
                return True
        return False

    def free(self) -> None:
        _run("mount", "-o", f"remount,size={DISK_BYTES}", str(self._path))

    def unmount(self) -> None:
        _run("umount", str(self._path))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=10)
