"""Waiting for held money: first come, first served, and nobody's patience is endless."""

from __future__ import annotations

import asyncio

import pytest

from metering.funds_queue import POLL_S, FundsQueue
from tests.fakes.virtual_time import in_virtual_time


class Line:
    """Callers who wait for coins; each takes one when it is its turn and one is there."""

    def __init__(self, queue: FundsQueue) -> None:
        self.queue = queue
        self.coins = 0
        self.served: list[str] = []
        self.gave_up: list[str] = []
        self.tries = 0

    def join(self, name: str, *, company: str = "c", patience_s: float = 10.0) -> asyncio.Task[None]:
        return asyncio.ensure_future(self._wait(name, company, patience_s))

    async def _wait(self, name: str, company: str, patience_s: float) -> None:
        deadline_s = asyncio.get_running_loop().time() + patience_s
        async with self.queue.place(company) as turn:
            while await self.queue.next_try(company, turn, deadline_s):
                self.tries += 1
                if self.coins:
                    self.coins -= 1
                    self.served.append(name)
                    return
        self.gave_up.append(name)

    def pay_in(self, coins: int = 1, *, company: str = "c", says: bool = True) -> None:
        self.coins += coins
        if says:
            self.queue.wake(company)


@in_virtual_time
async def test_first_come_first_served() -> None:
    line = Line(FundsQueue())
    for name in "abcd":
        line.join(name)
        await asyncio.sleep(0)
    assert (line.queue.is_waiting("c"), line.queue.waiting()) == (True, 4)
    for count in range(1, 5):
        line.pay_in()
        await asyncio.sleep(0.01)
        assert "".join(line.served) == "abcd"[:count]
    assert (line.queue.is_waiting("c"), line.queue.waiting()) == (False, 0)


@in_virtual_time
async def test_one_end_that_frees_much_serves_many() -> None:
    line = Line(FundsQueue())
    waiting = [line.join(name) for name in "abc"]
    await asyncio.sleep(0.01)
    line.pay_in(3)
    await asyncio.wait(waiting, timeout=0.01)
    assert "".join(line.served) == "abc"


@in_virtual_time
async def test_only_the_first_asks_and_asks_by_itself() -> None:
    """Calls of other processes end unseen here."""
    line = Line(FundsQueue())
    for name in "abc":
        line.join(name)
    await asyncio.sleep(10 * POLL_S)
    assert 9 <= line.tries <= 12, "one asks, not three"
    line.pay_in(says=False)
    await asyncio.sleep(1.5 * POLL_S)
    assert line.served == ["a"]


@in_virtual_time
async def test_patience_ends_anywhere_in_the_line() -> None:
    line = Line(FundsQueue())
    line.join("a", patience_s=3)
    line.join("b", patience_s=1)
    line.join("c", patience_s=5)
    await asyncio.sleep(2)
    assert line.gave_up == ["b"]
    await asyncio.sleep(2)
    assert line.gave_up == ["b", "a"]
    line.pay_in()
    await asyncio.sleep(0.01)
    assert line.served == ["c"]


@in_virtual_time
async def test_who_is_cancelled_holds_up_nobody() -> None:
    line = Line(FundsQueue())
    first = line.join("a")
    line.join("b")
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    line.pay_in(says=False)
    await asyncio.sleep(1.5 * POLL_S)
    assert line.served == ["b"]


@in_virtual_time
async def test_companies_do_not_wait_for_each_other() -> None:
    line = Line(FundsQueue())
    line.join("a", company="c")
    line.join("b", company="d")
    await asyncio.sleep(0.01)
    line.queue.wake("nobody")
    line.pay_in(company="d")
    await asyncio.sleep(0.001)
    assert line.served == ["b"]
    assert (line.queue.is_waiting("c"), line.queue.is_waiting("d")) == (True, False)
    line.pay_in()
    await asyncio.sleep(0.01)
    assert line.served == ["b", "a"]


async def _ask_slowly(queue: FundsQueue, name: int, served: list[int], *, has: int) -> None:
    """As a process that gets its turn once in a second. `has`: the first so many get what they ask for."""
    async with queue.place("c") as turn:
        while await queue.next_try("c", turn, asyncio.get_running_loop().time() + 60):
            await asyncio.sleep(1.0)
            if name < has:
                served.append(name)
                return


@in_virtual_time
async def test_where_each_is_served_twice_as_many_ask_at_once() -> None:
    queue, served = FundsQueue(), list[int]()
    started_s = asyncio.get_running_loop().time()
    await asyncio.gather(*(_ask_slowly(queue, name, served, has=31) for name in range(31)))
    assert served == list(range(31))
    assert round(asyncio.get_running_loop().time() - started_s) == 5, "1 + 2 + 4 + 8 + 16"


@in_virtual_time
async def test_who_asks_in_vain_asks_alone_from_then_on() -> None:
    queue, served = FundsQueue(), list[int]()
    asking = [asyncio.ensure_future(_ask_slowly(queue, name, served, has=7)) for name in range(31)]
    await asyncio.sleep(10)
    assert served == list(range(7))
    assert queue._queues["c"].asking == 1
    for one in asking:
        one.cancel()
    await asyncio.wait(asking)
    assert not queue.is_waiting("c")
