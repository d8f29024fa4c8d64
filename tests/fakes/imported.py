"""`python -m tests.fakes.imported`: a process that has imported the program; its copies are commands.

A house starts four processes of ours, and in the suite half of that is imports, for ten houses a minute. So
they are done once for each process of the tests: a copy runs `up`, `apply` or a vendor as the command line
would, and the roles of that `up` are forked from another copy, by the product's own fork server. Tests of how
the program is started take new processes (tests/launch/running_up.py).
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from config.settings import BadSettings, environment, read_settings, take_environment
from launch import cli, fork_server, leash
from launch.forks import Adopted, ForkServer, Spawned
from launch.program import program
from launch.refusal import Refused
from launch.title import rename_process
from launch.up import up
from portal.api import api
from tests.fakes.copied import HOUSE

MESSAGE_BYTES_MAX: Final = 200_000
FDS_MAX: Final = 65_536
ALONE: Final = ("launch.demo_vendor.main", "launch.audit", "launch.reconcile")


class CopiedForkServer(ForkServer):
    """The first one is a copy of `up`, which is one itself; those after it are new processes, as anywhere."""

    _is_first = True

    def spawn(self, fd: int, log_file: IO[bytes]) -> Spawned:
        if not self._is_first:
            return super().spawn(fd, log_file)
        self._is_first = False
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            leash.die_with(parent, signal.SIGKILL)
            _forget_the_loop()
            _keep_only({0: os.open(os.devnull, os.O_RDONLY), 1: log_file.fileno(), 2: log_file.fileno()}, fd)
            take_environment(self.environment)
            words = fork_server.serve(fd)
            if words is None:
                os._exit(0)
            sys.argv[1:] = words
            fork_server.end_with(cli.main)
        return _Copy(pid)


class _Copy(Adopted):
    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _forget_the_loop() -> None:
    """It is the parent's, as are the signals that wake it."""
    asyncio._set_running_loop(None)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _keep_only(streams: Mapping[int, int], *kept: int) -> None:
    for target, source in streams.items():
        os.dup2(source, target)
    lower = 3
    for fd in sorted(kept):
        os.closerange(lower, fd)
        lower = fd + 1
    os.closerange(lower, FDS_MAX)


def _run(words: Sequence[str]) -> None:
    """What the command line does; or `up` as a house begins it, with roles that are copies at once."""
    if words[:1] != [HOUSE]:
        sys.argv[1:] = words
        cli.main()
    parser = argparse.ArgumentParser()
    for name in ("--port", "--office-port", "--workers"):
        parser.add_argument(name, type=int)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--apply", type=Path)
    said = vars(parser.parse_args(words[1:]))
    declaration = said.pop("apply")
    try:
        settings = read_settings(environment(), **said)
        up(settings, declaration=declaration, demo=False, forks=CopiedForkServer)
    except (Refused, BadSettings) as refused:
        sys.stderr.write(f"{refused}\n")
        raise SystemExit(2) from None


def _copy(asked: Mapping[str, Any], fds: Sequence[int]) -> int:
    """Its pid. `fds`: its standard output and error."""
    pid = os.fork()
    if pid == 0:
        _forget_the_loop()
        out, errors = fds
        _keep_only({0: os.open(os.devnull, os.O_RDONLY), 1: out, 2: errors})
        os.chdir(asked["folder"])
        take_environment(asked["environment"])
        rename_process([*program(), *("up" if word == HOUSE else word for word in asked["words"])])
        fork_server.end_with(lambda: _run(asked["words"]))
    for fd in fds:
        os.close(fd)
    return pid


def _serve(channel: socket.socket) -> None:
    """Copies are asked for and told of, and their ends are told, until whoever asks is gone."""
    woken, waking = socket.socketpair()
    for end in (woken, waking):
        end.setblocking(False)
    signal.set_wakeup_fd(waking.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            woken.recv(4096)
        while (ended := _next_end()) is not None:
            channel.send(json.dumps(ended).encode())
        if channel in ready:
            data, fds, _, _ = socket.recv_fds(channel, MESSAGE_BYTES_MAX, 2)
            if not data:
                return
            channel.send(json.dumps({"pid": _copy(json.loads(data), fds)}).encode())


def _next_end() -> dict[str, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return {"ended": pid, "code": os.waitstatus_to_exitcode(status)} if pid else None


def main() -> NoReturn:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--room")
    fd = parser.parse_args().fd
    for modules in (*fork_server.PRELOADED.values(), ALONE):
        for module in modules:
            importlib.import_module(module)
    api.parts()  # a second of an office's start
    with socket.socket(fileno=fd) as channel:
        _serve(channel)
    os._exit(0)


if __name__ == "__main__":
    main()
