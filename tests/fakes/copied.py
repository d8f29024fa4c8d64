"""Commands of the program as copies of a process that has imported it (tests/fakes/imported.py)."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from launch.title import ROOM

HOUSE: Final = "up, as a house begins it"
ANSWER_WAIT_S: Final = 60.0  # it may be importing still
COMMAND_WAIT_S: Final = 120.0
POLL_S: Final = 0.01


class Copied:
    """What subprocess.Popen is for a process of one's own."""

    def __init__(self, pid: int, source: Source) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._source = source

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._source.code_of(self.pid)
        return self.returncode

    def wait(self, timeout_s: float) -> int:
        until_s = time.monotonic() + timeout_s
        while (code := self.poll()) is None:
            if time.monotonic() > until_s:
                raise subprocess.TimeoutExpired(str(self.pid), timeout_s)
            time.sleep(POLL_S)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Source:
    """The process that is copied. It ends with ours."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asking = threading.RLock()
        self._codes: dict[int, int] = {}
        with theirs:
            words = ["-m", "tests.fakes.imported", "--fd", str(theirs.fileno()), "--room", ROOM]
            self._process = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
                env={**_own_environment(), "PROMETHEUS_MULTIPROC_DIR": tempfile.gettempdir()},
                pass_fds=(theirs.fileno(),),
            )

    def start(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        out: int,
        errors: int,
        folder: Path | None = None,
    ) -> Copied:
        place = str(folder or Path.cwd())
        asked = {"words": list(words), "environment": dict(environment), "folder": place}
        with self._asking:
            socket.send_fds(self._channel, [json.dumps(asked).encode()], [out, errors])
            while True:
                said = self._hear(ANSWER_WAIT_S)
                assert said is not None, "the process to be copied does not answer"
                if "pid" in said:
                    return Copied(said["pid"], self)

    def code_of(self, pid: int) -> int | None:
        """None while it runs."""
        with self._asking:
            while self._hear(0) is not None:
                pass
            return self._codes.pop(pid, None)

    def _hear(self, wait_s: float) -> dict[str, Any] | None:
        ready, _, _ = select.select([self._channel], [], [], wait_s)
        if not ready:
            return None
        data = self._channel.recv(4096)
        assert data, "the process to be copied is gone"
        said: dict[str, Any] = json.loads(data)
        if "ended" in said:
            self._codes[said["ended"]] = said["code"]
        return said

    def end(self) -> None:
        self._channel.close()
        self._process.wait(10)


@functools.cache
def source() -> Source:
    made = Source()
    atexit.register(made.end)
    return made


class Done(NamedTuple):
    code: int
    out: str
    errors: str


def finished(*words: str, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Done:
    """A command from its beginning to its end. `environment` is ours where none is given."""
    given = _own_environment() if environment is None else environment
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        begun = source().start(
            words, environment=given, out=out.fileno(), errors=errors.fileno(), folder=folder
        )
        code = begun.wait(COMMAND_WAIT_S)
        return Done(code, *(_whole(file) for file in (out, errors)))


def _whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _own_environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - a shell's
