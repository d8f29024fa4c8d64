"""`up` as a person starts it: a process, its screen, its ports, its children."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import psutil

from tests.fakes.copied import finished

END_WAIT_S = 30.0


def wait_until(what: Callable[[], bool], *, timeout_s: float = END_WAIT_S) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.05)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except TimeoutError:
        return 0, "no answer yet"  # the supervisor holds the port; whoever is to answer still starts


class RunningUp:
    """Ports are free ones, read from the screen. `children` are processes by their role's word."""

    def __init__(self, data_dir: Path, *words: str, environment: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "launch", "up", "--data-dir", str(data_dir)),
                *("--port", "0", "--office-port", "0", *words),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.screen = ""

    def wait_ready(self, *, until: str = "office") -> RunningUp:
        """Read the screen until it shows what comes last."""
        assert self.process.stdout is not None
        while until not in self.screen:
            line = self.process.stdout.readline()
            if not line:
                _, said = self.process.communicate()
                raise AssertionError(f"up ended: {said}")
            self.screen += line
        return self

    def address(self, of: str) -> str:
        found = re.search(rf"{of}\s+(http://\S+)", self.screen)
        assert found is not None, self.screen
        return found.group(1)

    def family(self) -> dict[int, str]:
        """pid -> command line of every process below the supervisor."""
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                found[child.pid] = " ".join(child.cmdline())
            except psutil.NoSuchProcess:  # a zombie is one, too
                continue
        return found

    def pid_of(self, word: str) -> int:
        return next(pid for pid, line in self.family().items() if word in line)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        self.process.communicate(timeout=END_WAIT_S)
        return self.process.returncode

    def kill_quietly(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=END_WAIT_S)


def refused(*words: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """A start that is expected to fail: its exit code and what it said on standard error."""
    done = finished(*words, environment=environment)
    assert done.out == "", done.out
    return done.code, done.errors
