"""The process that the roles of `up` are forked from: it has imported what they need, and does nothing more.

A role spends most of its start on imports, the same ones as its neighbours. Here they happen once; a role
that is forked serves in a tenth of the time, after a crash too, and shares the memory of its code. The server
runs one thread, opens no connection and keeps no state, so a copy of it is as good as a new process.

A copy is made by two forks: the one between ends at once, and the kernel gives its child to the supervisor
(launch/forks.py), as if that had started it. So the fork server may be killed at any time, and no role with
it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

import msgspec

from config.settings import take_environment
from launch import leash
from launch.program import program
from launch.title import rename_process

PRELOADED: Final[Mapping[str, Sequence[str]]] = {  # by command, in the order in which `up` asks for them
    "migrate": ("billing.migrate",),
    "apply": ("launch.apply",),
    "worker": ("launch.worker_main", "billing.alerts.work", "billing.jobs.work"),
    "gateway": ("launch.gateway_main", "launch.gateway_role", "gateway.asgi.protocol"),
    "office": ("launch.office_main",),
}
MESSAGE_BYTES_MAX: Final = 160_000  # below the least send buffer of a socket
FDS_MAX: Final = 16


class Request(msgspec.Struct, frozen=True):
    """What to become. The first descriptor with it is the go pipe; `targets`: the others' numbers."""

    number: int
    words: list[str]
    environment: dict[str, str]
    targets: list[int]


class Reply(msgspec.Struct, frozen=True):
    number: int
    pid: int


Message = TypeVar("Message", Request, Reply)


def encoded(message: Request | Reply) -> bytes:
    """Words and environments need not be UTF-8: the standard library brings over what of them is not."""
    return json.dumps(msgspec.to_builtins(message)).encode("ascii")


def decoded(data: bytes, kind: type[Message]) -> Message:
    """Raises ValueError."""
    return msgspec.convert(json.loads(data), type=kind)


@dataclass(frozen=True, slots=True)
class _Received:
    request: Request
    go: int
    fds: Sequence[int]


def serve(channel_fd: int) -> list[str] | None:
    """Forks until the supervisor hangs up: None. In the copies: the words of the command to be."""
    supervisor = os.getppid()
    gc.disable()
    rename_process([*program(), "fork-server", "--fd", str(channel_fd)])
    missing = list(PRELOADED)
    with socket.socket(fileno=channel_fd) as channel:
        while True:
            while missing and not _is_waiting(channel):
                _load(missing.pop(0))
            received = _receive(channel)
            if received is None:
                return None
            while received.request.words[0] in missing:  # what it needs, and what was asked for before
                _load(missing.pop(0))
            pid = _fork_twice(received)
            if pid is None:
                channel.close()
                _settle_in(received, supervisor)
                return received.request.words
            for fd in (received.go, *received.fds):
                os.close(fd)
            channel.send(encoded(Reply(received.request.number, pid)))


def _load(command: str) -> None:
    for module in PRELOADED[command]:
        importlib.import_module(module)
    gc.freeze()  # the copies share these pages for as long as nobody looks through them


def end_with(command: Callable[[], None]) -> NoReturn:
    """Of a copy: run it, then end without taking apart, object by object, what it shares with the others."""
    code = 1
    try:
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the last one to see it
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()  # what is to be written is written
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _is_waiting(channel: socket.socket) -> bool:
    return bool(select.select([channel], [], [], 0)[0])


def _receive(channel: socket.socket) -> _Received | None:
    data, fds, _, _ = socket.recv_fds(channel, MESSAGE_BYTES_MAX, FDS_MAX)
    if not data:
        return None
    request = decoded(data, Request)
    go, *others = fds
    return _Received(request, go, others)


def _fork_twice(received: _Received) -> int | None:
    """The pid of the copy, an orphan by now; None in the copy itself."""
    told_read, told_write = os.pipe()
    between = os.fork()
    if between == 0:
        try:
            if (pid := os.fork()) != 0:
                os.write(told_write, pid.to_bytes(8, "little"))
        except OSError:
            pid = -1  # no room for another process: nothing is told
        if pid != 0:
            os._exit(0)
        os.close(told_read)
        os.close(told_write)
        return None
    os.close(told_write)
    pid = int.from_bytes(os.read(told_read, 8), "little")  # 0 where nothing was told
    os.close(told_read)
    os.waitpid(between, 0)
    return pid


def _settle_in(received: _Received, supervisor: int) -> None:
    """Become what a new process would be: the supervisor's child, in a group of its own, named by its words.

    Without the supervisor's "go" nobody waits for us, and the place may have been given to another.
    """
    request = received.request
    os.setpgid(0, 0)
    if os.read(received.go, 1) != b"g":
        os._exit(0)
    os.close(received.go)
    leash.die_with(supervisor, signal.SIGKILL)
    _place(received.fds, request.targets)
    rename_process([*program(), *request.words])
    take_environment(request.environment)
    gc.enable()


def _place(fds: Sequence[int], targets: Sequence[int]) -> None:
    """Each descriptor under the number by which the words call it. Numbers may overlap: hence by a detour."""
    above = max((*fds, *targets)) + 1
    aside: list[int] = []
    for fd in fds:
        os.dup2(fd, above + len(aside))
        aside.append(above + len(aside))
        os.close(fd)
    for fd, target in zip(aside, targets, strict=True):
        os.dup2(fd, target)
        os.close(fd)
