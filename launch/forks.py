"""The supervisor's side of the fork server (launch/fork_server.py): it asks for roles, and adopts them.

Where no copy can be had (the fork server has just died, or this is no Linux), the caller starts the role as a
new process instead: slower, and the same otherwise.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Protocol

import structlog

from launch.fork_server import FDS_MAX, MESSAGE_BYTES_MAX, Reply, Request, decoded, encoded
from launch.program import leashed, program
from launch.title import ROOM

PR_SET_CHILD_SUBREAPER: Final = 36
PATIENCE_S: Final = 20.0  # it may be importing still, on a machine that does much else
ANSWERS_WITHIN_S: Final = 5.0  # once it has answered before

log = structlog.get_logger(__name__)


class Adopted:
    """A child that another process made for us: what subprocess.Popen is for our own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._code = 1  # it is over, and how was told to somebody else
            else:
                self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Spawned(Protocol):
    """A child of our own."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    def wait(self) -> int: ...


class ForkServer:
    """`patience_s`: for how long the first who asks waits for its imports. Nobody waits for them again."""

    def __init__(
        self, environment: Mapping[str, str], log_path: Path, *, patience_s: float = PATIENCE_S
    ) -> None:
        self.environment = dict(environment)
        self._log_path = log_path
        self._process: Spawned | None = None
        self._channel: socket.socket | None = None
        self._asking = asyncio.Lock()
        self._import_s = self._patience_s = patience_s
        self._is_late = False  # with its first word
        self._number = 0

    def start(self) -> None:
        """Soon, so that its imports are done by when it is asked."""
        if sys.platform != "linux" or not _adopt_orphans():
            return
        try:
            self._start()
        except OSError as error:
            log.warning("no_fork_server", reason=str(error))

    def _start(self) -> None:
        self._patience_s, self._is_late = self._import_s, False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs, self._log_path.open("ab") as log_file:
                self._process = self.spawn(theirs.fileno(), log_file)
        except OSError:
            ours.close()
            raise
        ours.setblocking(False)
        self._channel = ours

    def spawn(self, fd: int, log_file: IO[bytes]) -> Spawned:
        """The process that serves at the other end of the channel, `fd`."""
        return subprocess.Popen(  # noqa: S603 - our own program, arguments of ours
            leashed([*program(), "fork-server", "--fd", str(fd), "--room", ROOM]),
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
            env=self.environment,
            pass_fds=(fd,),
            process_group=0,
        )

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def fork(
        self, words: Sequence[str], *, environment: Mapping[str, str], fds: Mapping[int, int]
    ) -> Adopted | None:
        """A process that runs our command with these words; None where one must be started otherwise.

        `fds`: what it is to have under which number -> ours, which stay open.
        """
        async with self._asking:
            if self._channel is None:
                self.start()  # for whoever asks next: there was no room for it
                return None
            if self._is_late:
                if not _has_word(self._channel):
                    return None
                self._patience_s, self._is_late = ANSWERS_WITHIN_S, False
            self._number += 1
            request = Request(
                number=self._number,
                words=list(words),
                environment=dict(environment),
                targets=list(fds),
            )
            go_read, go_write = os.pipe()
            try:
                pid = await self._ask(request, [go_read, *fds.values()])
                if pid:
                    os.write(go_write, b"g")
                    return Adopted(pid)
            except (OSError, TimeoutError, ValueError) as error:
                self._give_up(error)
            finally:
                os.close(go_read)
                os.close(go_write)  # nobody becomes anything now who has not been told to
        return None

    def _give_up(self, error: Exception) -> None:
        if isinstance(error, TimeoutError) and self._patience_s == self._import_s:
            # To begin the same imports anew would take as long again, on a machine that has no time.
            log.warning("fork_server_late", patience_s=self._patience_s)
            self._is_late = True
            return
        log.warning("fork_server_lost", reason=str(error) or type(error).__name__)
        self.stop()
        self.start()

    async def _ask(self, request: Request, fds: list[int]) -> int:
        """Raises OSError, TimeoutError, ValueError."""
        assert self._channel is not None
        data = encoded(request)
        if len(data) > MESSAGE_BYTES_MAX or len(fds) > FDS_MAX:
            return 0
        socket.send_fds(self._channel, [data], fds)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._patience_s):
            while answer := await loop.sock_recv(self._channel, MESSAGE_BYTES_MAX):
                reply = decoded(answer, Reply)
                if reply.number == request.number:
                    self._patience_s = ANSWERS_WITHIN_S
                    return reply.pid
        raise ConnectionResetError("it hung up")

    def stop(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _has_word(channel: socket.socket) -> bool:
    """Something to be read, its end too."""
    readable, _, _ = select.select([channel], [], [], 0)
    return bool(readable)


def _adopt_orphans() -> bool:
    """Children whose parents end become ours, not those of the machine's first process."""
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
