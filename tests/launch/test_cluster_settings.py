"""What the supervisor and the office ask of a cluster: every node."""

from __future__ import annotations

import asyncio

import pytest

from launch import durability
from launch.redis_door import RedisDoor
from tests.fakes.valkey_cluster import ValkeyCluster

pytestmark = pytest.mark.slow


async def test_every_node_is_looked_at(valkey_cluster: ValkeyCluster) -> None:
    assert await asyncio.to_thread(durability.check_valkey, valkey_cluster.url) == []
    door = RedisDoor(valkey_cluster.url)
    await door.ping()
    weak, dead = valkey_cluster.nodes[1:]
    weak.ask("CONFIG", "SET", "appendfsync", "everysec")
    weak.ask("CONFIG", "SET", "cluster-require-full-coverage", "yes")
    dead.server.kill()
    assert await asyncio.to_thread(durability.check_valkey, valkey_cluster.url) == [
        f"Redis 127.0.0.1:{weak.port}: appendfsync is 'everysec', not 'always'.",
        f"Redis 127.0.0.1:{weak.port}: cluster-require-full-coverage is 'yes', not 'no'.",
        f"Redis 127.0.0.1:{dead.port}: it does not answer.",
    ]
    with pytest.raises(ConnectionError, match="a primary of the Redis Cluster"):
        await door.ping()
    await door.aclose()


async def test_a_door_to_nobody() -> None:
    door = RedisDoor("redis://127.0.0.1:1")
    with pytest.raises(ConnectionError, match="cannot connect"):
        await door.ping()
    await door.aclose()
