"""The purse on a cluster of real processes: slots that move, nodes that die, replicas that take over.

What the purse answers is compared elsewhere: every conversation of test_holds and test_epochs runs on a
cluster, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from metering import keys
from metering.directory import KeyLimits
from metering.purse import HoldRef, Loan, PurseUnavailable, Reserved, ReserveRequest, Settled, Vacant
from metering.purse_redis import RedisPurse, connect_purse, load_scripts
from metering.redis_cluster import ClusterLine, _url_at
from tests.fakes.purse_talk import FAR_MS
from tests.fakes.short_dir import short_dir
from tests.fakes.valkey_cluster import Node, ValkeyCluster, slot_of, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared_cluster() -> Iterator[ValkeyCluster]:
    """For tests that leave its nodes alive."""
    cluster = ValkeyCluster(short_dir(), appendonly="no")
    yield cluster
    cluster.close()


@pytest.fixture
async def line(shared_cluster: ValkeyCluster) -> AsyncIterator[ClusterLine]:
    line = ClusterLine(shared_cluster.url, scripts=load_scripts())
    await line.start()
    await line.everywhere("FLUSHALL")
    yield line
    await line.close()


async def begin(purse: RedisPurse, lane: int, *, stale_n: int = 0, limit: int = 1000) -> int:
    """A new epoch with a loan, as the treasury makes them."""
    ticket = await purse.vacate(lane=lane, nonce=f"t{stale_n}", used_ticket=None, stale_n=stale_n)
    assert await purse.open(lane=lane, n=stale_n + 1, ticket=ticket or "")
    loan = Loan("v", 1, limit, FAR_MS, "active", 75, 25, 0, 0)
    assert await purse.lend(lane=lane, n=stale_n + 1, loan=loan) is True
    return stale_n + 1


async def hold_and_settle(purse: RedisPurse, lane: int, op: str, *, n: int = 1) -> object:
    """The settlement's answer, or the refusal of the hold."""
    wish = ReserveRequest(op, lane, n, "g", ("v",), 10, 10, "k", 0, KeyLimits(), b"{}")
    held = await purse.reserve(wish)
    if not isinstance(held, Reserved):
        return held
    return await purse.settle(HoldRef(lane, n, op, "v", "k", "g"), charge_micro=7, tokens=1, event=b"{}")


async def served(purse: RedisPurse, lane: int, op: str, *, n: int = 1) -> bool:
    try:
        return isinstance(await hold_and_settle(purse, lane, op, n=n), Settled)
    except PurseUnavailable:
        return False


async def until(what: Callable[[], Awaitable[bool]], *, within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while not await what():  # noqa: ASYNC110 - a cluster tells nobody
            await asyncio.sleep(0.05)


# -- to the right node


async def test_every_lane_is_served_by_its_own_node(shared_cluster: ValkeyCluster, line: ClusterLine) -> None:
    purse = RedisPurse(line)
    outcomes = await asyncio.gather(*(_first_call(purse, lane) for lane in range(keys.LANES)))
    assert all(isinstance(outcome, Settled) for outcome in outcomes)
    assert await purse.log_lengths() == [2] * keys.LANES
    assert [await purse.epoch_here(lane) for lane in range(keys.LANES)] == [1] * keys.LANES
    shares = [len(shared_cluster.lanes_of(node)) for node in shared_cluster.nodes]
    assert sum(shares) == keys.LANES
    assert min(shares) > 0, "lanes are on all nodes"
    assert len((await purse.data_set()).split()) == 3


async def _first_call(purse: RedisPurse, lane: int) -> object:
    await begin(purse, lane)
    return await hold_and_settle(purse, lane, "a")


async def test_leases_live_on_nodes_of_their_own(line: ClusterLine) -> None:
    purse = RedisPurse(line)
    gateways = [f"gw-{i}" for i in range(20)]
    assert not any([await purse.lease_alive(gateway) for gateway in gateways])
    await asyncio.gather(*(purse.renew_lease(gateway) for gateway in gateways))
    assert all([await purse.lease_alive(gateway) for gateway in gateways])


async def test_forgotten_scripts_are_loaded_again_on_each_node(line: ClusterLine) -> None:
    purse = RedisPurse(line)
    lanes = range(8)
    for lane in lanes:
        await begin(purse, lane)
    await line.everywhere("SCRIPT", "FLUSH")
    assert all([await served(purse, lane, "a") for lane in lanes])


async def test_a_stale_map_costs_a_detour_and_nothing_else(
    shared_cluster: ValkeyCluster, line: ClusterLine
) -> None:
    purse, lane = RedisPurse(line), 5
    await begin(purse, lane)
    owner = shared_cluster.owner(lane)
    wrong = next(node for node in shared_cluster.nodes if node is not owner)
    line._owners = [f"127.0.0.1:{wrong.port}"] * len(line._owners)
    assert await served(purse, lane, "a")
    assert line._owners[slot_of(lane)] == f"127.0.0.1:{owner.port}"
    assert (await purse.log_lengths())[lane] == 2


async def test_a_node_that_joins_is_found(shared_cluster: ValkeyCluster, line: ClusterLine) -> None:
    """Named by a redirection only: nothing of the map knew it."""
    purse, lane = RedisPurse(line), 6
    await begin(purse, lane)
    owner = shared_cluster.owner(lane)
    await line._lines.pop(f"127.0.0.1:{owner.port}").close()
    wrong = next(node for node in shared_cluster.nodes if node is not owner)
    line._owners[slot_of(lane)] = f"127.0.0.1:{wrong.port}"
    assert await served(purse, lane, "a")


@pytest.mark.parametrize(
    ("url", "address", "expected"),
    [
        ("redis://one:1/0", "10.0.0.7:6379", "redis://10.0.0.7:6379"),
        ("rediss://kim:s%40crt@one:1", "two.example:2", "rediss://kim:s%40crt@two.example:2"),
        ("redis://:secret@one?client_name=x", "two:2", "redis://:secret@two:2?client_name=x"),
        ("redis://one:1", "fe80::1:6379", "redis://[fe80::1]:6379"),
        ("unix:///run/valkey.sock", "127.0.0.1:7000", "redis://127.0.0.1:7000"),
    ],
)
def test_every_node_is_asked_as_the_first_one_was(url: str, address: str, expected: str) -> None:
    assert _url_at(url, address) == expected


# -- slots that move


async def test_a_lane_moves_and_its_money_stays_where_it_was(
    shared_cluster: ValkeyCluster, line: ClusterLine
) -> None:
    """While its keys are on two nodes it is unavailable; afterwards it is another data set: a new epoch."""
    purse, lane = RedisPurse(line), 7
    assert await begin(purse, lane, limit=100) == 1
    assert await served(purse, lane, "a")
    source, target = await asyncio.to_thread(_begin_move, shared_cluster, lane)
    with pytest.raises(PurseUnavailable, match="TRYAGAIN"):
        await hold_and_settle(purse, lane, "b")  # of its keys some are there and some are nowhere yet
    assert await purse.epoch_here(lane) == 1
    await asyncio.to_thread(shared_cluster.move_keys, lane, source, target)
    assert await purse.epoch_here(lane) is None, "asked at the target, by ASK"
    assert [entry.op for entry in await purse.read_log(lane=lane, count=9)] == ["", "a"]
    await purse.note(lane=lane, kind="left", op="x", n=1, event=b"{}")
    await asyncio.to_thread(shared_cluster.end_migration, lane, target)
    assert await hold_and_settle(purse, lane, "b") == Vacant()
    assert await begin(purse, lane, stale_n=1) == 2
    assert await served(purse, lane, "b", n=2)
    log = await purse.read_log(lane=lane, count=9)
    assert [(entry.op, entry.n) for entry in log] == [("", 1), ("a", 1), ("x", 1), ("", 2), ("b", 2)]


def _begin_move(cluster: ValkeyCluster, lane: int) -> tuple[Node, Node]:
    target = next(node for node in cluster.nodes if node is not cluster.owner(lane))
    return cluster.begin_migration(lane, target), target


# -- nodes that die


async def test_a_dead_node_takes_its_own_lanes_only(valkey_cluster: ValkeyCluster) -> None:
    purse = await connect_purse(valkey_cluster.url)
    lanes = range(keys.LANES)
    await asyncio.gather(*(begin(purse, lane) for lane in lanes))
    dead = valkey_cluster.nodes[0]  # the very one that REDIS_URL names
    lost = set(await asyncio.to_thread(valkey_cluster.lanes_of, dead))
    dead.server.kill()
    loop = asyncio.get_running_loop()
    for attempt in ("a", "b"):
        started_s = loop.time()
        answers = await asyncio.gather(*(served(purse, lane, attempt) for lane in lanes))
        assert {lane for lane in lanes if not answers[lane]} == lost
        assert loop.time() - started_s < 1.5
        await asyncio.sleep(2.5)  # until the others call it failed
    assert purse.line.connected
    lengths = await purse.log_lengths()
    assert [length > 0 for length in lengths] == [lane not in lost for lane in lanes]
    await asyncio.to_thread(dead.server.start)
    lane = min(lost)

    async def is_vacant() -> bool:
        try:
            return await hold_and_settle(purse, lane, "c") == Vacant()
        except PurseUnavailable:
            return False

    await until(is_vacant)  # it came back with its data and another identity
    assert await begin(purse, lane, stale_n=1) == 2
    assert await served(purse, lane, "c", n=2)
    await purse.close()


async def test_a_replica_that_takes_over_is_found(valkey_cluster: ValkeyCluster) -> None:
    purse = await connect_purse(valkey_cluster.nodes[2].url)
    first = valkey_cluster.nodes[0]
    lane = (await asyncio.to_thread(valkey_cluster.lanes_of, first))[0]
    replica = await asyncio.to_thread(valkey_cluster.add_replica, first)
    await begin(purse, lane)
    assert await served(purse, lane, "a")
    await asyncio.to_thread(wait_until, lambda: replica.ask("DBSIZE") > 0)
    first.server.kill()

    async def is_vacant() -> bool:
        try:
            return await hold_and_settle(purse, lane, "b") == Vacant()
        except PurseUnavailable:
            return False

    await until(is_vacant)
    assert await asyncio.to_thread(valkey_cluster.owner, lane) is replica
    assert [entry.op for entry in await purse.read_log(lane=lane, count=9)] == ["", "a"]
    await begin(purse, lane, stale_n=1)
    assert await served(purse, lane, "b", n=2)
    await purse.close()
