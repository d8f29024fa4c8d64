"""What the keeper does when something dies while it starts, and when it refuses to start."""

from __future__ import annotations

import asyncio

import pytest

from config.settings import read_limits
from launch.keeper import Keeper
from launch.refusal import DiedStarting, Refused


class Starter:
    """launch.keeper.Keepable whose starts end as the list says; None is a start that succeeds."""

    name = "starter"

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.starts = 0
        self.tidied = 0

    async def start(self) -> None:
        self.starts += 1
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome

    async def ended(self) -> int:
        await asyncio.Event().wait()
        return 0

    async def after_end(self) -> None:
        self.tidied += 1

    async def stop(self, *, hurry: asyncio.Event) -> None:
        return


async def test_who_is_killed_while_it_starts_is_started_again() -> None:
    starter = Starter(DiedStarting("gateway-1 did not start"), DiedStarting("again"), None)
    keeper = Keeper(starter, read_limits({}))
    await keeper.start()
    assert (starter.starts, starter.tidied) == (3, 2)
    await keeper.stop(hurry=asyncio.Event())


async def test_who_dies_three_times_is_given_up() -> None:
    starter = Starter(*[DiedStarting("no")] * 3)
    with pytest.raises(Refused):
        await Keeper(starter, read_limits({})).start()


async def test_who_refuses_is_believed_at_once() -> None:
    starter = Starter(Refused("the port is busy"), None)
    with pytest.raises(Refused, match="the port is busy"):
        await Keeper(starter, read_limits({})).start()
    assert starter.starts == 1
