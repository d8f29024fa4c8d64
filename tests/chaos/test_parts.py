"""The chaos' own parts: a seed is a schedule, files are cut where they should be, a wire leads elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from tests.chaos import aof
from tests.chaos.failover import BACK
from tests.chaos.schedule import KILLS, OTHERS, lanes
from tests.chaos.wires import SocketWire
from tests.fakes.wire import Wire


def test_a_seed_is_a_schedule() -> None:
    once, again, other = (lanes(seed=seed, gateways=2) for seed in (7, 7, 8))
    taken = {name: list(islice(lane, 60)) for name, lane in once.items()}
    assert taken == {name: list(islice(lane, 60)) for name, lane in again.items()}
    assert taken != {name: list(islice(lane, 60)) for name, lane in other.items()}
    assert set(taken) == {*KILLS, "others"}
    assert {blow.kind for blow in taken["others"][: len(OTHERS)]} == set(OTHERS)
    assert {blow.target for blow in taken["kill gateway"]} == {"gateway-0", "gateway-1"}


def test_half_an_hour_has_150_kills_of_each_role() -> None:
    for kind, lane in lanes(seed=1, gateways=2).items():
        if kind in KILLS:
            assert sum(blow.after_s for blow in islice(lane, 155)) < 29.5 * 60


def test_the_page_names_every_fault() -> None:
    page = Path("docs/operating/chaos.md").read_text("utf-8")
    missing = [kind for kind in (*KILLS, *OTHERS, BACK) if f"`{kind}`" not in page]
    assert missing == []


def _resp(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


SET = _resp(b"SET", b"a", b"*3\r\n$3\r\nnot a command")
SCRIPT = _resp(b"MULTI") + _resp(b"HSET", b"h", b"f", b"1") + _resp(b"XADD", b"s", b"1-1") + _resp(b"EXEC")


@pytest.mark.parametrize(
    ("commands", "kept"),
    [(0, SET + SCRIPT + SET), (1, SET + SCRIPT), (2, SET), (3, b""), (9, b"")],
)
def test_a_file_is_cut_between_commands(tmp_path: Path, commands: int, kept: bytes) -> None:
    """What stands between MULTI and EXEC goes as one; a torn end goes with the first cut."""
    path = tmp_path / "appendonly.aof.2.incr.aof"
    whole = SET + SCRIPT + SET
    path.write_bytes(whole + SET[:-3])
    assert aof.cut_at_command(path, commands=commands) == len(whole) + len(SET) - 3 - len(kept)
    assert path.read_bytes() == kept


def test_the_newest_of_the_incremental_files_is_meant(tmp_path: Path) -> None:
    folder = tmp_path / aof.AOF_DIR
    assert aof.incremental_file(tmp_path) is None
    folder.mkdir()
    for number in (9, 10, 2):
        (folder / f"appendonly.aof.{number}.incr.aof").write_bytes(b"0123456789")
    newest = aof.incremental_file(tmp_path)
    assert newest is not None
    assert newest.name == "appendonly.aof.10.incr.aof"
    assert aof.cut_bytes(newest, 4) == 4
    assert newest.read_bytes() == b"012345"


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(100):
            writer.write(data)
    except ConnectionError:
        pass  # the wire was cut
    writer.close()


async def test_a_wire_takes_the_servers_place_and_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    server = await asyncio.start_unix_server(_echo, str(path))
    wire = SocketWire(path)
    await wire.insert()
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    wire.swallow(True)
    writer.write(b"lost")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    wire.swallow(False)  # what was not answered is cut
    assert await _rest_of(reader) == b""
    writer.close()
    await wire.close()
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"direct")
    assert await reader.readexactly(6) == b"direct"
    writer.close()
    server.close()
    await asyncio.sleep(0.05)  # the other ends close too


async def test_a_wire_in_a_servers_place_leads_to_another(tmp_path: Path) -> None:
    servers = [await asyncio.start_unix_server(_name(n), str(tmp_path / f"{n}.sock")) for n in "ab"]
    wire = SocketWire(tmp_path / "a.sock")
    await wire.insert()
    answers = []
    for followed in (None, tmp_path / "b.sock", None):
        wire.follow(followed)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "a.sock"))
        answers.append(await _rest_of(reader))
        writer.close()
    assert answers == [b"a", b"b", b"a"]
    await wire.close()
    for server in servers:
        server.close()
    await asyncio.sleep(0.05)


def _name(name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """A server that says its name and goes."""

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name.encode())
        writer.close()

    return serve


async def test_a_wire_to_nobody_ends_at_once() -> None:
    wire = Wire(lambda: asyncio.open_connection("127.0.0.1", 9))
    await wire.listen(port=0)
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    assert await _rest_of(reader) == b""
    writer.close()
    await wire.close()
    await asyncio.sleep(0.05)


async def _rest_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""
