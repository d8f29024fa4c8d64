"""In a backlog three batches are under way: one is read, one written, and one, committed, leaves the streams.

Nothing comes twice, is left out, waits, or is gone before it is committed.
"""

from __future__ import annotations

import asyncio

import pytest

from billing.database import Connection, Pool, connect
from billing.posting import Poster
from billing.posting_wire import WireTokens
from metering.purse import LogEntry
from metering.purse_memory import MemoryPurse
from metering.usage import TOKEN_CLASSES
from tests.fakes.books_world import LANE, VOUCHER, WON, World

BATCH = 50
CALLS = 170


class WatchedPurse(MemoryPurse):
    """Keeps what was read after what, and loses the connection where it is told to delete.

    Before anything leaves a stream or is acknowledged it looks into the books, from outside.
    """

    books: Pool
    reads: list[tuple[int, bool]]  # how many, and whether they follow what is being written
    early: set[str]  # what was to leave a stream, or was acknowledged, before it was booked
    deaf_to_delete = False

    async def read_log(self, *, lane: int, count: int, after: str = "") -> list[LogEntry]:
        entries = await super().read_log(lane=lane, count=count, after=after)
        self.reads.append((len(entries), bool(after)))
        return entries

    async def delete_log(self, *, lane: int, entry_ids: list[str]) -> None:
        if self.deaf_to_delete:
            raise ConnectionError
        doomed = set(entry_ids)
        await self._look_up([entry.op for entry in self.data.lane(lane).log if entry.entry_id in doomed])
        await super().delete_log(lane=lane, entry_ids=entry_ids)

    async def push_acks(self, *, lane: int, acks: dict[str, list[str]]) -> None:
        await self._look_up([op for ops in acks.values() for op in ops])
        await super().push_acks(lane=lane, acks=acks)

    async def _look_up(self, ops: list[str]) -> None:
        async with self.books.connection() as conn:
            cursor = await conn.execute("select op from usage where op = any(%s)", [ops])
            booked = {op for (op,) in await cursor.fetchall()}
        self.early |= set(filter(None, ops)) - booked


@pytest.fixture
async def purse(pool: Pool) -> tuple[World, WatchedPurse]:
    world = World(pool)
    await world.fund(government_won=1000)
    purse = WatchedPurse(now_ms=world.clock)
    purse.books, purse.reads, purse.early = pool, [], set()
    world.use(purse)
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    for _ in range(CALLS):
        await world.call(n, WON)
    return world, purse


@pytest.fixture
async def poster(conn: Connection, purse: tuple[World, WatchedPurse]) -> Poster:
    poster = Poster(conn, purse[1])
    await poster.take_lanes()
    return poster


async def _is_posted_once(world: World, conn: Connection) -> None:
    assert world.purse.data.lane(LANE).log == []
    assert isinstance(world.purse, WatchedPurse)
    assert world.purse.early == set()
    cursor = await conn.execute("select count(*), count(distinct op), max(step) from usage")
    assert await cursor.fetchone() == (CALLS, CALLS, 0)
    assert (await world.funds())[1] == CALLS * WON
    await world.sound()


async def test_a_backlog_is_read_while_it_is_written(
    purse: tuple[World, WatchedPurse], poster: Poster, conn: Connection
) -> None:
    taken = [await poster.post_once(batch_max=BATCH) for _ in range(5)]
    assert taken == [50, 50, 50, 21, 0]
    assert purse[1].reads == [(50, False), (50, True), (50, True), (21, True)], "each entry is read once"
    assert len(purse[1].data.lane(LANE).acks["g1"]) == CALLS
    await _is_posted_once(purse[0], conn)


async def test_what_was_read_ahead_is_forgotten_with_a_batch_that_failed(
    purse: tuple[World, WatchedPurse], poster: Poster, conn: Connection
) -> None:
    """It was committed and not deleted: it comes again, before what follows it."""
    world, watched = purse
    watched.deaf_to_delete = True
    await poster.post_once(batch_max=BATCH)  # it leaves the stream while the next one is written
    with pytest.raises(ConnectionError):
        await poster.post_once(batch_max=BATCH)
    assert watched.reads == [(50, False), (50, True), (50, True)]
    watched.deaf_to_delete = False
    await _post_all(poster)
    assert watched.reads[3] == (50, False)
    await _is_posted_once(world, conn)


async def test_a_batch_leaves_its_stream_while_the_next_is_written(
    purse: tuple[World, WatchedPurse], poster: Poster, conn: Connection
) -> None:
    world, log = purse[0], purse[0].purse.data.lane(LANE)
    everything = len(log.log)
    await poster.post_once(batch_max=BATCH)
    assert (len(log.log), log.acks) == (everything, {})
    await poster.post_once(batch_max=BATCH)
    assert len(log.log) == everything - BATCH
    await _post_all(poster)
    await _is_posted_once(world, conn)


@pytest.mark.parametrize("first_turns", [1, 3, 6])
async def test_a_poster_that_is_killed_anywhere_leaves_the_rest_to_the_next(
    purse: tuple[World, WatchedPurse], conn: Connection, books_url: str, first_turns: int
) -> None:
    """Each has a little longer than the one before: they die reading, writing, committing, emptying.

    Who dies between a deletion and its acknowledgement is made up for by the gateway, which sends again.
    """
    world, watched = purse
    turns, deaths = first_turns, 0
    while watched.data.lane(LANE).log:
        own = await connect(books_url)
        poster = Poster(own, watched)
        await poster.take_lanes()
        posting = asyncio.create_task(_post_all(poster))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        deaths += not posting.done()
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)
        await own.close()
        turns += 4
    assert deaths
    await _is_posted_once(world, conn)


async def _post_all(poster: Poster) -> None:
    while await poster.post_once(batch_max=BATCH):
        pass


async def test_a_lane_with_a_backlog_keeps_no_other_waiting(
    purse: tuple[World, WatchedPurse], poster: Poster
) -> None:
    world, other = purse[0], LANE + 1
    await poster.post_once(batch_max=BATCH)
    await world.purse.note(lane=other, kind="opened", op="", n=1, event=b"{}")
    taken = [await poster.post_once(batch_max=BATCH) for _ in range(2)]
    assert taken == [BATCH, BATCH + 1], "the first was read before the other lane had anything"
    await _post_all(poster)
    assert world.purse.data.lane(other).log == []


def test_an_event_counts_every_class_of_tokens() -> None:
    assert WireTokens.__struct_fields__ == TOKEN_CLASSES
