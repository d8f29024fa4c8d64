"""Roles are forked from a process that has imported them: as good as started, and none depends on it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from launch.forks import PATIENCE_S, PR_SET_CHILD_SUBREAPER, ForkServer
from launch.process import Child, ended, start_child
from launch.program import program
from launch.tidying import Strangers
from tests.fakes.house import free_port, wait_until

pytestmark = pytest.mark.slow
PATH = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
async def forks(tmp_path: Path) -> AsyncIterator[ForkServer]:
    server = ForkServer(PATH, tmp_path / "fork-server.log")
    server.start()
    yield server
    server.stop()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)  # other tests' orphans are not ours


@pytest.fixture
def former() -> set[int]:
    """The test process has children of its own: servers that all tests share."""
    return {child.pid for child in psutil.Process().children()}


def children(former: set[int]) -> list[int]:
    return [child.pid for child in psutil.Process().children() if child.pid not in former]


async def run(
    forks: ForkServer, tmp_path: Path, *words: str, environment: dict[str, str] | None = None
) -> tuple[int, str, Child]:
    """Exit code and what it said, on either output."""
    said = tmp_path / "said"
    with said.open("wb") as file:
        child = await start_child(
            words, environment=environment or PATH, out=file.fileno(), errors=file.fileno(), forks=forks
        )
        code = await asyncio.wait_for(ended(child), 60)
    return code, said.read_text("utf-8"), child


async def test_a_copy_does_and_ends_as_a_new_process_would(forks: ForkServer, tmp_path: Path) -> None:
    code, said, child = await run(forks, tmp_path, "verify", "--help")
    assert (code, "voucher-gateway verify" in said) == (0, True)
    assert psutil.pid_exists(child.pid) is False, "its end was taken note of"

    code, said, _ = await run(forks, tmp_path, "migrate", "--data-dir", str(tmp_path / "none"))
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("DATABASE_URL must be set")

    # The environment is the one it was given, not the one the fork server has.
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    code, said, _ = await run(forks, tmp_path, "migrate", environment=PATH | nowhere)
    assert (code, "PostgreSQL at DATABASE_URL cannot be reached" in said) == (2, True), said


def seen_words(child: Child) -> list[bytes]:
    return Path(f"/proc/{child.pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")


async def test_what_is_not_utf8_comes_as_it_is(forks: ForkServer, tmp_path: Path) -> None:
    """Neither an environment nor a path need be: here a name in EUC-KR."""
    odd = os.fsdecode("가나".encode("euc-kr"))
    code, said, _ = await run(forks, tmp_path, "verify", "--help", environment=PATH | {"CUSTOMER": odd})
    assert (code, "voucher-gateway verify" in said) == (0, True)
    with (tmp_path / "out").open("wb") as out:
        fds = {1: out.fileno(), 2: out.fileno()}
        child = await forks.fork(["apply", f"{tmp_path}/{odd}"], environment=PATH, fds=fds)
    assert child is not None, "it was forked"
    assert await asyncio.wait_for(ended(child), 60) == 2


async def test_a_copy_is_seen_with_its_words(forks: ForkServer, tmp_path: Path) -> None:
    """Each by itself, as of a process that was started: also where a word has blanks in it."""
    words = ["demo-vendor", "--port", str(free_port()), "--log", f"{tmp_path}/a log of {'x' * 30}"]
    with (tmp_path / "out").open("wb") as out:
        child = await forks.fork(words, environment=PATH, fds={1: out.fileno(), 2: out.fileno()})
    assert child is not None
    expected = [os.fsencode(word) for word in [*program(), *words]]
    said = "it has its words"
    await asyncio.to_thread(wait_until, lambda: seen_words(child) == expected, timeout_s=30, said=said)
    child.kill()
    await ended(child)


async def test_descriptors_come_under_the_numbers_of_the_words(forks: ForkServer, tmp_path: Path) -> None:
    """Also where two of them have each other's number."""
    a, b = (os.open(tmp_path / name, os.O_CREAT | os.O_WRONLY) for name in ("a", "b"))
    child = await forks.fork(["no-such-command"], environment=PATH, fds={1: a, 2: b, a: b, b: a})
    assert child is not None
    assert await asyncio.wait_for(ended(child), 60) == 2
    assert ((tmp_path / "a").read_text(), "no-such-command" in (tmp_path / "b").read_text()) == ("", True)
    os.close(a)
    os.close(b)


async def test_without_it_there_are_new_processes(
    former: set[int], forks: ForkServer, tmp_path: Path
) -> None:
    await run(forks, tmp_path, "verify", "--help")
    [server] = children(former)
    os.kill(server, signal.SIGKILL)
    code, said, _ = await run(forks, tmp_path, "verify", "--help")
    assert (code, "voucher-gateway verify" in said) == (0, True)
    [other] = children(former)
    assert other != server, "and another fork server"
    code, _, _ = await run(forks, tmp_path, "verify", "--help")
    assert (code, children(former)) == (0, [other])


async def test_where_it_cannot_be_started_roles_are_all_the_same(former: set[int], tmp_path: Path) -> None:
    """And once it can, it is."""
    logs = tmp_path / "logs"
    forks = ForkServer(PATH, logs / "fork-server.log")
    forks.start()
    code, _, _ = await run(forks, tmp_path, "verify", "--help")
    assert (code, children(former)) == (0, [])
    logs.mkdir()
    with (tmp_path / "out").open("wb") as out:
        first = await forks.fork(["verify", "--help"], environment=PATH, fds={1: out.fileno()})
        second = await forks.fork(["verify", "--help"], environment=PATH, fds={1: out.fileno()})
    assert first is None, "it has it started"
    assert second is not None
    assert await ended(second) == 0
    forks.stop()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


async def test_nobody_becomes_what_nobody_waits_for(
    former: set[int], forks: ForkServer, tmp_path: Path
) -> None:
    """The caller gave up while it was asked: no copy runs, and the next caller gets an answer of its own."""
    with (tmp_path / "out").open("wb") as out:
        fds = {1: out.fileno(), 2: out.fileno()}
        asked = asyncio.ensure_future(forks.fork(["verify", "--help"], environment=PATH, fds=fds))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
        code, _, _ = await run(forks, tmp_path, "verify", "--help")
        assert code == 0
    assert (tmp_path / "out").read_bytes() == b""
    strangers = Strangers()
    for _ in range(2):
        strangers.bury()
    assert children(former) == [forks.pid]


async def test_one_that_hangs_is_not_waited_for_as_one_that_still_imports(
    forks: ForkServer, tmp_path: Path
) -> None:
    """It has answered before: what it does not answer now is done without it, and another comes."""
    assert (await run(forks, tmp_path, "verify", "--help"))[0] == 0
    hung = forks.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    async with asyncio.timeout(PATIENCE_S / 2):
        assert await forks.fork(["verify", "--help"], environment=PATH, fds={}) is None
    assert not psutil.pid_exists(hung)
    assert (await run(forks, tmp_path, "verify", "--help"))[0] == 0
    assert forks.pid != hung


async def test_imports_that_take_long_are_waited_for_once(former: set[int], tmp_path: Path) -> None:
    server = ForkServer(PATH, tmp_path / "fork-server.log", patience_s=0.05)
    server.start()
    try:
        for _ in range(2):  # the first waits in vain, the second not at all; both are started otherwise
            code, said, _ = await run(server, tmp_path, "verify", "--help")
            assert (code, "voucher-gateway verify" in said) == (0, True)
        pid, copy = server.pid, None
        async with asyncio.timeout(60):
            while copy is None:
                await asyncio.sleep(0.1)
                copy = await server.fork(["verify", "--help"], environment=PATH, fds={})
            await ended(copy)
        assert server.pid == pid, "it was not started anew"
    finally:
        server.stop()
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    strangers = Strangers()
    for _ in range(2):
        strangers.bury()
    assert children(former) == []
