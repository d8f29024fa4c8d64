"""What the keeper does when something dies while it starts, and when it refuses to start."""

from __future__ import annotations

import asyncio
import errno

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
        self.started_last = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome
        if not self.outcomes:
            self.started_last.set()

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


class Mortal(Starter):
    """Dies at once, as often as the list has outcomes to start it again with."""

    async def ended(self) -> int:
        if not self.outcomes:
            await asyncio.Event().wait()
        return -9

    async def after_end(self) -> None:
        await super().after_end()
        if self.tidied == 1:
            raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_full_disk_ends_nobodys_keeping() -> None:
    """What cannot be tidied or started for want of room is tried again: one day the room is back."""
    full = OSError(errno.ENOSPC, "No space left on device")
    mortal = Mortal(None, full, Refused("its file is broken"), full, None)
    limits = read_limits({"VOUCHER_GATEWAY_RESTART_MIN_S": "0.001", "VOUCHER_GATEWAY_RESTART_MAX_S": "0.002"})
    keeper = Keeper(mortal, limits)
    await keeper.start()
    await asyncio.wait_for(mortal.started_last.wait(), 5)
    assert mortal.starts == 5
    await keeper.stop(hurry=asyncio.Event())
