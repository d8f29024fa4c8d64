"""A Valkey for tests of the purse: nothing goes to a disk, and it may be told to become another data set."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from launch.embedded_valkey import ValkeyServer
from metering.purse_redis import RedisPurse, connect_purse
from tests.fakes.purse_talk import PurseTalk
from tests.fakes.short_dir import short_dir
from tests.fakes.two_purses import TwoPurses
from tests.fakes.valkey_cluster import ValkeyCluster

RESTLESS = {"appendonly": "no", "enable-debug-command": "yes"}


@pytest.fixture(scope="session")
def restless_valkey() -> Iterator[ValkeyServer]:
    root = short_dir()
    server = ValkeyServer(
        data_dir=root / "valkey",
        socket_dir=root / "run",
        log_path=root / "valkey.log",
        settings=RESTLESS,
    )
    server.start()
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def restless_url(restless_valkey: ValkeyServer) -> str:
    """Emptied."""
    with redis.Redis.from_url(restless_valkey.url) as connection:
        connection.flushall()
    return restless_valkey.url


@pytest.fixture
async def purse(restless_url: str) -> AsyncIterator[RedisPurse]:
    purse = await connect_purse(restless_url)
    yield purse
    await purse.close()


@pytest.fixture(scope="session")
def restless_cluster() -> Iterator[ValkeyCluster]:
    cluster = ValkeyCluster(short_dir(), **RESTLESS)
    yield cluster
    cluster.close()


@pytest.fixture(params=["server", "cluster"])
def talk(request: pytest.FixtureRequest) -> Iterator[PurseTalk]:
    """Both purses, empty, for a conversation without a loop around it."""
    in_cluster = request.param == "cluster"
    url = request.getfixturevalue("restless_cluster" if in_cluster else "restless_valkey").url
    with asyncio.Runner() as runner:
        two = TwoPurses(runner, url)
        two.begin()
        yield PurseTalk(two)
        two.close()
