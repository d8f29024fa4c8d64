"""A role as a child process: how it is started, how it says that it is ready, how one waits for its end.

Every child is on a leash (launch/leash.py): when the supervisor is gone, even by kill -9, the kernel ends the
child. Every child has a process group of its own, so that Ctrl-C reaches the supervisor alone, which then
drains in the right order.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from launch import leash
from launch.refusal import DiedStarting, Refused

REFUSED_CODE: Final = 2  # what a command ends with when it says why
POLL_S: Final = 0.05
LAST_WORDS_BYTES: Final = 4096


def program() -> list[str]:
    """How this program is called again: by its installed name, so that `ps` shows it."""
    script = Path(sys.executable).with_name("voucher-gateway")
    return [sys.executable, str(script)] if script.exists() else [sys.executable, "-m", "launch"]


def collect_later() -> None:
    """Of a process that starts, until `collect_seldom`: nearly all that is imported and built now stays, and
    looking for cycles among it is a seventh of the start. Not for one that may wait long on its way.
    """
    gc.disable()


def collect_seldom() -> None:
    """Of a process that is ready: what was built lives as long as it does, and is not looked at again.

    Calls leave few cycles behind: looking for them after every 700 objects is a tenth of a call's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()


def new_gateway_id() -> str:
    """Of one process: never used twice, so that the books can say of it that it has ended."""
    return f"gw-{secrets.token_hex(8)}"


def leashed(command: Sequence[str], *, death_signal: int = signal.SIGKILL) -> list[str]:
    words = [os.getpid(), int(death_signal), -1, -1, 0]
    return [sys.executable, "-I", "-S", leash.__file__, *(str(word) for word in words), *command]


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a child without a thread; its exit code, negative for a signal."""
    if sys.platform == "linux" and process.poll() is None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        fd = os.pidfd_open(process.pid)
        loop.add_reader(fd, done.set)
        try:
            await done.wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
    while (code := process.poll()) is None:  # noqa: ASYNC110 - the kernel knows, and no event of ours
        await asyncio.sleep(POLL_S)
    return code


@dataclass(frozen=True, slots=True)
class RoleCommand:
    """What to run. `inherited` are file descriptors the child keeps (the listening socket)."""

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str]
    log_path: Path
    inherited: tuple[int, ...] = ()


class RoleProcess:
    """One run of a role. It writes a line to the descriptor of --ready-fd once it serves."""

    def __init__(self, command: RoleCommand) -> None:
        self.command = command
        self.started_s = time.monotonic()
        ready_read, ready_write = os.pipe()
        os.set_blocking(ready_read, False)
        self._ready_fd = ready_read
        with command.log_path.open("ab") as log:
            self._log_start_bytes = log.tell()
            self.process = subprocess.Popen(  # noqa: S603 - our own program, arguments of ours
                leashed([*program(), *command.words, "--ready-fd", str(ready_write)]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
                pass_fds=(ready_write, *command.inherited),
                process_group=0,
            )
        os.close(ready_write)

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ready(self, *, timeout_s: float) -> None:
        """Raises Refused with the role's own last line if it ends first or takes too long."""
        deadline_s = time.monotonic() + timeout_s
        try:
            while not self._said_ready():
                if (code := self.process.poll()) is not None:
                    kind = Refused if code == REFUSED_CODE else DiedStarting
                    raise kind(f"{self.command.name} did not start: {self.last_line()}")
                if time.monotonic() > deadline_s:
                    self.process.kill()
                    raise Refused(f"{self.command.name} did not get ready within {timeout_s:.0f} s.")
                await asyncio.sleep(POLL_S / 2)
        finally:
            os.close(self._ready_fd)

    def _said_ready(self) -> bool:
        try:
            return bool(os.read(self._ready_fd, 64))
        except BlockingIOError:
            return False

    def last_line(self) -> str:
        try:
            with self.command.log_path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start_bytes, end - LAST_WORDS_BYTES))
                lines = log.read().decode(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1].strip() if lines else "it said nothing"

    async def stop(self, *, timeout_s: float, hurry: asyncio.Event) -> int:
        """SIGTERM, then SIGKILL when the time is over or somebody is in a hurry."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            waits = [
                asyncio.ensure_future(ended(self.process)),
                asyncio.ensure_future(hurry.wait()),
            ]
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            if self.process.poll() is None:
                self.process.kill()
        return await ended(self.process)


def say_ready(ready_fd: int | None) -> None:
    """Called by a role once it serves."""
    if ready_fd is not None:
        os.write(ready_fd, b"ready\n")
        os.close(ready_fd)


async def run_once(
    words: Sequence[str], *, environment: Mapping[str, str], log_path: Path, timeout_s: float
) -> str:
    """Run one of our commands to its end; its standard output. Raises Refused with what it said."""
    process = await asyncio.create_subprocess_exec(
        *leashed([*program(), *words]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        process_group=0,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        raise Refused(f"`{words[0]}` did not end within {timeout_s:.0f} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    with log_path.open("ab") as log:
        log.write(errors)
    if process.returncode != 0:
        said = errors.decode(errors="replace").strip()
        raise Refused(said or f"`{words[0]}` ended with {process.returncode}.")
    return out.decode()
