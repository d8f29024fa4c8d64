"""The whole house for journeys: `voucher-gateway up` and its vendors as real processes, ended by pid.

Nothing here knows what a right answer is. Ports are chosen once, so that a second `up` on the same data
directory answers at the same address.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self
from urllib.error import HTTPError, URLError

import psutil
import redis

from tests.fakes.copied import HOUSE, finished, source
from tests.fakes.prepared_state import prepare_state
from tests.fakes.short_dir import short_dir

START_WAIT_S = 60.0
END_WAIT_S = 45.0
POLL_S = 0.05

Declaration = Mapping[str, Sequence[Mapping[str, Any]]]

ROLE_WORDS = {
    "worker": " worker ",
    "office": " office ",
    "valkey": "valkey-server",
    "postgres": "postgres -D",
    "fork-server": " fork-server ",
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def status_of(url: str) -> int:
    """The status of a GET, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            status: int = answer.status
            return status
    except HTTPError as error:
        with error:
            return error.code
    except (URLError, OSError):
        return 0


def wait_until(what: Callable[[], bool], *, timeout_s: float, said: str) -> float:
    """Seconds waited."""
    started_s = time.monotonic()
    while not what():
        assert time.monotonic() - started_s < timeout_s, f"waited {timeout_s:.0f} s in vain: {said}"
        time.sleep(POLL_S)
    return time.monotonic() - started_s


class _Child:
    """A process of ours with its output in files, so that no full pipe ever stops it."""

    def __init__(self, words: Sequence[str], *, log_path: Path, environment: Mapping[str, str]) -> None:
        self.log_path = log_path
        self._log: IO[bytes] = log_path.open("ab")
        log = self._log.fileno()
        self.process = source().start(words, environment=environment, out=log, errors=log)

    def said(self) -> str:
        return self.log_path.read_text("utf-8", errors="replace")

    def end(self, *, number: signal.Signals | None, timeout_s: float = END_WAIT_S) -> int:
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout_s)
        finally:
            self._log.close()

    def kill_quietly(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(END_WAIT_S)
        self._log.close()


class Vendor:
    """The demo vendor as a process of its own; `words` are its options."""

    def __init__(self, root: Path, name: str, *words: str) -> None:
        self.port = free_port()
        self.root_url = f"http://127.0.0.1:{self.port}"
        self.base_url = f"{self.root_url}/v1"
        command = ["demo-vendor", "--port", str(self.port), *words]
        self._child = _Child(command, log_path=root / f"vendor-{name}.out", environment=_environment())
        wait_until(self._answers, timeout_s=START_WAIT_S, said=f"vendor {name}")

    def _answers(self) -> bool:
        assert self._child.process.poll() is None, f"the vendor ended: {self._child.said()}"
        return status_of(f"{self.root_url}/demo/log") == 200

    def log(self) -> list[dict[str, Any]]:
        """What it billed, one record per call, oldest first."""
        with urllib.request.urlopen(f"{self.root_url}/demo/log", timeout=10) as answer:
            calls: list[dict[str, Any]] = json.load(answer)["calls"]
            return calls

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def end(self) -> None:
        self._child.kill_quietly()


class House:
    """One `up`, its vendors and its data directory. Use as a context manager; `up()` starts it."""

    def __init__(self, *, workers: int = 1, environment: Mapping[str, str] | None = None) -> None:
        self.root = short_dir()
        self.data_dir = self.root / "d"
        self.port, self.office_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.office_url = f"http://127.0.0.1:{self.office_port}"
        self.workers = workers
        self.vendors: list[Vendor] = []
        self._environment = _environment() | {"UPSTREAM_ALLOW_PRIVATE": "1"} | dict(environment or {})
        self._child: _Child | None = None
        self._was_asked = False
        self._family: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._child is not None:
                self._child.kill_quietly()
        finally:
            for vendor in self.vendors:
                vendor.end()
            self._remove()

    def _remove(self) -> None:
        wait_until(lambda: not self._alive(), timeout_s=END_WAIT_S, said="processes left behind")
        shutil.rmtree(self.root, ignore_errors=True)

    def vendor(self, *words: str) -> Vendor:
        started = Vendor(self.root, str(len(self.vendors)), *words)
        self.vendors.append(started)
        return started

    # -- the life of `up`

    def up(self, declaration: Declaration | None = None) -> float:
        """Start and wait until both ports serve; the seconds that took."""
        prepare_state(self.data_dir)
        started_s = time.monotonic()
        words = [HOUSE, "--data-dir", str(self.data_dir), "--port", str(self.port)]
        words += ["--office-port", str(self.office_port), "--workers", str(self.workers)]
        if declaration is not None:
            words += ["--apply", str(self.declare(declaration))]
        self._child = _Child(words, log_path=self.root / "up.out", environment=self._environment)
        wait_until(self._serves, timeout_s=START_WAIT_S, said="up")
        self._remember()
        return time.monotonic() - started_s

    def down(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it, the polite way if not told otherwise; its exit code. Nothing of it may be left.

        After kill -9 of `up` the kernel ends its children, which takes a moment.
        """
        assert self._child is not None
        self._remember()
        code = self._child.end(number=None if self._was_asked else number)
        self._was_asked = False
        if number is signal.SIGKILL:
            wait_until(lambda: not self._alive(), timeout_s=END_WAIT_S, said="children of a killed `up` end")
        assert self._alive() == {}, "processes left behind"
        self._child = None
        return code

    def ask_to_end(self) -> None:
        """SIGTERM, without waiting; `down` waits."""
        assert self._child is not None
        self._remember()
        self._child.process.send_signal(signal.SIGTERM)
        self._was_asked = True

    def _serves(self) -> bool:
        assert self._child is not None
        assert self._child.process.poll() is None, f"up ended: {self._child.said()}\n{self.last_words()}"
        return self.is_ready()

    def is_ready(self) -> bool:
        return status_of(f"{self.url}/readyz") == 200 and status_of(f"{self.office_url}/readyz") == 200

    def last_words(self, lines: int = 30) -> str:
        """The ends of all logs, for the message of a failed test."""
        ends = []
        for path in sorted((self.data_dir / "logs").glob("*.log")):
            tail = path.read_text("utf-8", errors="replace").splitlines()[-lines:]
            ends.append(f"--- {path.name}\n" + "\n".join(tail))
        return "\n".join(ends)

    # -- `apply`

    def declare(self, declaration: Declaration) -> Path:
        path = self.root / f"declaration-{time.monotonic_ns()}.yaml"
        path.write_text(json.dumps(declaration, ensure_ascii=False, indent=1), "utf-8")
        return path

    def apply(self, declaration: Declaration) -> dict[str, Any]:
        """`apply --json` on the running system, as an operator would."""
        report: dict[str, Any] = json.loads(self.run("apply", str(self.declare(declaration)), "--json"))
        return report

    def run(self, *words: str) -> str:
        """A command on this house's data directory; what it printed."""
        done = finished(*words, "--data-dir", str(self.data_dir), environment=self._environment)
        assert done.code == 0, done.errors
        return done.out

    # -- what it is made of

    @property
    def database_url(self) -> str:
        return self._noted("database_url")

    def _noted(self, name: str) -> str:
        """From the note that a running `up` leaves for `apply`."""
        noted: dict[str, str] = json.loads((self.data_dir / "running.json").read_text("utf-8"))
        return noted[name]

    def empty_valkey(self) -> None:
        with redis.Redis.from_url(self._noted("redis_url")) as connection:
            connection.flushall()

    def family(self) -> dict[int, str]:
        """pid -> command line of every process below the supervisor."""
        assert self._child is not None
        found = {}
        for child in psutil.Process(self._child.process.pid).children(recursive=True):
            try:
                found[child.pid] = " ".join(child.cmdline())
            except psutil.NoSuchProcess:
                continue
        return found

    def pids_of(self, role: str) -> list[int]:
        """`gateway-0`, `gateway-1`, …, or one of ROLE_WORDS."""
        word = ROLE_WORDS.get(role, f"gateway --slot {role.removeprefix('gateway-')} ")
        return [pid for pid, line in self.family().items() if word in line]

    def kill(self, role: str) -> int:
        """kill -9; the pid that was."""
        self._remember()
        (pid, *_) = self.pids_of(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def _remember(self) -> None:
        if self._child is not None and self._child.process.poll() is None:
            self._family.update(self.family())

    def _alive(self) -> dict[int, str]:
        """Of all processes ever seen below `up`: those that still run what they ran."""
        alive = {}
        for pid, line in self._family.items():
            try:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE and " ".join(process.cmdline()) == line:
                    alive[pid] = line
            except psutil.NoSuchProcess:
                continue
        return alive


def _environment() -> dict[str, str]:
    """Ours without what would point the house at other servers."""
    foreign = {"DATABASE_URL", "REDIS_URL"}
    return {name: value for name, value in os.environ.items() if name not in foreign}  # noqa: TID251 - a shell's
