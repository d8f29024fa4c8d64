"""The whole house on a Redis Cluster: a lane moves while it is called, a node dies, and the books agree."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from metering.keys import lane_of
from tests.fakes.house import House
from tests.fakes.short_dir import short_dir
from tests.fakes.valkey_cluster import Node, ValkeyCluster
from tests.journeys.books import assert_agrees, charge_micro, wait_for
from tests.journeys.caller import Answer, Caller, calling
from tests.journeys.declarations import key_text, simple

pytestmark = pytest.mark.campaign

CALLERS = 20
TRIOS = 4  # a test that is run once more takes another one
KILLED_S = 4.0
TEXT = "hello [[tokens=20]]"


class Load:
    """Companies that call without a pause until told to stop; what became of each call."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.is_over = False

    @property
    def tally(self) -> Counter[str]:
        return Counter("served" if answer.status == 200 else str(answer.code) for answer in self.answers)

    @property
    def charges(self) -> dict[str, int]:
        served = [answer for answer in self.answers if answer.status == 200]
        return {answer.usage_id: charge_micro(answer.json["usage"]) for answer in served}

    async def run(self, caller: Caller) -> None:
        await asyncio.gather(*(self._one(caller) for _ in range(CALLERS)))

    async def _one(self, caller: Caller) -> None:
        while not self.is_over:
            answer = await caller.chat(TEXT)
            self.answers.append(answer)
            if answer.status != 200:
                await asyncio.sleep(0.05)

    async def serves(self, more: int = CALLERS) -> None:
        """Until so many more calls were served."""
        wanted = self.tally["served"] + more

        async def have() -> bool:
            return self.tally["served"] >= wanted

        await wait_for(have, timeout_s=30, said=f"calls are served: {self.tally}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[ValkeyCluster]:
    made = ValkeyCluster(short_dir())
    yield made
    made.close()


def companies_on(cluster: ValkeyCluster, node: Node) -> list[str]:
    lanes = set(cluster.lanes_of(node))
    return [name for i in range(100) if lane_of(name := f"company-{i}") in lanes]


@pytest.fixture(scope="module")
def trios(cluster: ValkeyCluster) -> list[tuple[str, ...]]:
    """Of companies: one on each node, in the order of the nodes. More trios than tests."""
    return list(zip(*(companies_on(cluster, node) for node in cluster.nodes), strict=False))[:TRIOS]


@pytest.fixture(scope="module")
def house(cluster: ValkeyCluster, trios: list[tuple[str, ...]]) -> Iterator[House]:
    with House(workers=2, environment={"REDIS_URL": cluster.url}) as made:
        vendor = made.vendor("--latency-ms", "20", "--token-ms", "0.1")
        made.up(simple(vendor.base_url, *(name for trio in trios for name in trio)))
        yield made
        assert made.down() == 0


@pytest.fixture
def companies(house: House, trios: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Three that have not called yet."""
    return trios.pop()


async def test_a_lane_moves_while_it_is_called(
    house: House, cluster: ValkeyCluster, companies: tuple[str, ...]
) -> None:
    company, lane = companies[0], lane_of(companies[0])
    load = Load()
    async with calling(house.url, key_text(company)) as caller:
        running = asyncio.create_task(load.run(caller))
        await load.serves()
        for target in (cluster.nodes[1], cluster.nodes[2], cluster.nodes[0]):
            await asyncio.to_thread(cluster.migrate, lane, target, pause_s=0.02)
            await load.serves()
        load.is_over = True
        await running
        print(f"\n{dict(load.tally)}")
        assert set(load.tally) <= {"served", "meter_unavailable"}
        await assert_agrees(house, caller, f"{company}-v", load.charges)


async def test_a_dead_node_stops_its_own_companies_only(
    house: House, cluster: ValkeyCluster, companies: tuple[str, ...]
) -> None:
    dead = cluster.nodes[1]
    loads = {company: Load() for company in companies}
    async with (
        calling(house.url, key_text(companies[0])) as first,
        calling(house.url, key_text(companies[1])) as second,
        calling(house.url, key_text(companies[2])) as third,
    ):
        callers = dict(zip(companies, (first, second, third), strict=True))
        running = [asyncio.create_task(loads[name].run(caller)) for name, caller in callers.items()]
        for load in loads.values():
            await load.serves()
        dead.server.kill()
        await asyncio.sleep(KILLED_S)
        await asyncio.to_thread(dead.server.start)
        for load in loads.values():
            await load.serves()
        for load in loads.values():
            load.is_over = True
        await asyncio.gather(*running)
        tallies = [load.tally for load in loads.values()]
        print(f"\n{[dict(tally) for tally in tallies]}")
        assert [set(tally) for tally in tallies] == [{"served"}, {"served", "meter_unavailable"}, {"served"}]
        for name, caller in callers.items():
            await assert_agrees(house, caller, f"{name}-v", loads[name].charges)
