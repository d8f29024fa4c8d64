"""The worker on real servers: a call shows in the books soon, and an outage is survived without a hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from billing.database import open_pool
from billing.gateways import mark_gateway_ended, register_gateway
from billing.migrate import upgrade
from billing.treasury import BooksMismatch, SqlTreasury
from billing.worker import WorkerStats, run_worker
from launch.embedded_postgres import PostgresServer
from metering.purse import Purse
from metering.purse_redis import connect_purse
from tests.fakes.books_world import LANE, VOUCHER, WON, World


@asynccontextmanager
async def _worker(url: str, purse: Purse) -> AsyncIterator[WorkerStats]:
    stop, stats = asyncio.Event(), WorkerStats()
    task = asyncio.create_task(run_worker(url, purse, stop, stats=stats))
    try:
        yield stats
    finally:
        stop.set()
        await task


async def _eventually(world: World, charged_won: int, *, within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while (await world.funds())[1] != charged_won * WON:  # noqa: ASYNC110 - the books raise no event
            await asyncio.sleep(0.02)


async def test_a_call_on_valkey_is_posted_within_two_seconds(books_url: str, valkey_url: str) -> None:
    purse = await connect_purse(valkey_url)
    async with open_pool(books_url) as pool:
        world = World(pool)
        world.purse = purse  # type: ignore[assignment]
        world.treasury = SqlTreasury(pool, purse)
        await world.fund(government_won=1000)
        async with _worker(books_url, purse):
            n = await world.treasury.current_epoch(LANE)
            await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
            ops = [await world.call(n, WON) for _ in range(20)]
            await _eventually(world, 20, within_s=2)
            running = await world.reserve(n, 5 * WON, gateway_id="g2")
            async with pool.connection() as conn:
                await register_gateway(conn, "g2")
                await mark_gateway_ended(conn, "g2")
            async with asyncio.timeout(5):
                while await purse.open_ops(lane=LANE, n=n, gateway_id="g2"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        assert sorted(await purse.pop_acks(lane=LANE, gateway_id="g1", count=100)) == sorted(ops)
        async with pool.connection() as conn:
            cursor = await conn.execute("select status from usage where op = %s", [running])
            assert await cursor.fetchone() == ("released",)
        await world.sound()
    await purse.close()


@pytest.mark.slow
async def test_postgres_is_killed_and_comes_back(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as admin:
        admin.execute("create database books")
    url = postgres_server.url_of("books")
    await asyncio.to_thread(upgrade, url)
    async with open_pool(url) as pool:
        world = World(pool)
        await world.fund(government_won=1000)
        n = await world.treasury.current_epoch(LANE)
        await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
        async with _worker(url, world.purse) as stats:
            await world.call(n, WON)
            await _eventually(world, 1)
            postgres_server.kill()
            await world.call(n, WON)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgres_server.start)
            async with asyncio.timeout(10):
                while stats.posted < 3:  # noqa: ASYNC110 - opened, and both calls
                    await asyncio.sleep(0.05)
        assert stats.failures > 0
    async with open_pool(url) as pool:
        world.pool = pool
        await _eventually(world, 2)
        await world.sound()


async def test_other_lanes_are_refused(books_url: str, valkey_url: str) -> None:
    with psycopg.connect(books_url, autocommit=True) as conn:
        conn.execute("update house set value = '32' where name = 'lanes'")
    purse = await connect_purse(valkey_url)
    with pytest.raises(BooksMismatch):
        await run_worker(books_url, purse, asyncio.Event())
    await purse.close()
