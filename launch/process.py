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
from tempfile import TemporaryFile
from typing import IO, Final, Protocol

from launch.forks import ForkServer
from launch.program import leashed, program
from launch.refusal import DiedStarting, Refused

REFUSED_CODE: Final = 2  # what a command ends with when it says why
POLL_S: Final = 0.05
LAST_WORDS_BYTES: Final = 4096


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


class Child(Protocol):
    """A process of ours, started as such (subprocess.Popen) or adopted (launch/forks.py)."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def send_signal(self, number: int) -> None: ...

    def kill(self) -> None: ...


async def start_child(
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    out: int,
    errors: int,
    inherited: Sequence[int] = (),
    forks: ForkServer | None,
) -> Child:
    """Our program with these words: forked where that can be had, else a new process."""
    if forks is not None:
        fds = {1: out, 2: errors} | {fd: fd for fd in inherited}
        adopted = await forks.fork(words, environment=environment, fds=fds)
        if adopted is not None:
            return adopted
    return _start_anew(words, environment=environment, out=out, errors=errors, inherited=inherited)


def _start_anew(
    words: Sequence[str], *, environment: Mapping[str, str], out: int, errors: int, inherited: Sequence[int]
) -> Child:
    return subprocess.Popen(  # noqa: S603 - our own program, arguments of ours
        leashed([*program(), *words]),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=errors,
        env=dict(environment),
        pass_fds=tuple(inherited),
        process_group=0,
    )


async def ended(process: Child) -> int:
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

    def __init__(self, command: RoleCommand, process: Child, *, ready_fd: int, log_start_bytes: int) -> None:
        self.command = command
        self.process = process
        self._ready_fd = ready_fd
        self._log_start_bytes = log_start_bytes

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


async def start_role(command: RoleCommand, forks: ForkServer | None) -> RoleProcess:
    ready_read, ready_write = os.pipe()
    os.set_blocking(ready_read, False)
    try:
        with command.log_path.open("ab") as log:
            process = await start_child(
                [*command.words, "--ready-fd", str(ready_write)],
                environment=command.environment,
                out=log.fileno(),
                errors=log.fileno(),
                inherited=(ready_write, *command.inherited),
                forks=forks,
            )
            return RoleProcess(command, process, ready_fd=ready_read, log_start_bytes=log.tell())
    except BaseException:
        os.close(ready_read)
        raise
    finally:
        os.close(ready_write)


async def run_once(
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    log_path: Path,
    timeout_s: float,
    forks: ForkServer | None,
) -> str:
    """Run one of our commands to its end; its standard output. Raises Refused with what it said."""
    with TemporaryFile(dir=log_path.parent) as out, TemporaryFile(dir=log_path.parent) as errors:
        process = await start_child(
            words, environment=environment, out=out.fileno(), errors=errors.fileno(), forks=forks
        )
        try:
            async with asyncio.timeout(timeout_s):
                code = await ended(process)
        except TimeoutError:
            raise Refused(f"`{words[0]}` did not end within {timeout_s:.0f} s.") from None
        finally:
            if process.poll() is None:
                process.kill()
                await ended(process)
        said, complained = _read_whole(out), _read_whole(errors)
    with log_path.open("ab") as log:
        log.write(complained)
    if code != 0:
        raise Refused(complained.decode(errors="replace").strip() or f"`{words[0]}` ended with {code}.")
    return said.decode()


def _read_whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
