"""The books are lost and come back from a copy, while the purse knows of calls that the copy does not."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from tests.fakes.house import House
from tests.journeys.books import assert_sound, charge_micro, rows, wait_for, wait_posted, wait_settled
from tests.journeys.caller import Answer, Caller, calling, total_micro
from tests.journeys.declarations import key_text, simple

KEY = key_text("gaonde")
NEWEST = "select max(n) from lane_epoch where opened or state = 'open'"


@pytest.mark.campaign
async def test_lost_books_come_back_beside_a_purse_that_is_ahead() -> None:
    with House(workers=2) as house:
        vendor = house.vendor("--token-ms", "20")
        house.up(simple(vendor.base_url, "gaonde"))
        async with calling(house.url, KEY) as caller:
            known = await _ten(house, caller, "known")
            await _copy_meanwhile(house, caller, house.root / "copy")
            house.kill(
                "valkey"
            )  # the next epoch is one that the copy does not know, and the next gateway too
            house.kill("gateway-0")
            await wait_for(lambda: _serves(house, caller), timeout_s=20, said="a new epoch")
            lost = await _ten(house, caller, "lost")
            [(before,)] = await rows(house, NEWEST)
            cut = [asyncio.create_task(caller.chat(f"cut {i} [[tokens=400]]", stream=True)) for i in range(5)]
            await asyncio.sleep(1.0)
            house.down(signal.SIGKILL)  # five holds stay behind
            await asyncio.gather(*cut, return_exceptions=True)

        shutil.rmtree(house.data_dir / "postgres")
        house.run("restore", str(house.root / "copy"))
        house.up()

        async with calling(house.url, KEY) as caller:
            after = _charges(await _ten(house, caller, "and on it goes"))
            await wait_settled(caller)
            await assert_sound(house)
            booked = dict(await rows(house, "select op, charge_micro from usage_now"))
            assert (_charges(known) | after).items() <= booked.items()
            # Of these the copy knows nothing; some are in the gateways' journals, and come back from there.
            again = _charges(lost).items() & booked.items()
            assert {op for op, _ in again} == booked.keys() & _charges(lost).keys()
            assert total_micro(await caller.voucher(), "spent") == sum(booked.values())
            [(now,)] = await rows(house, NEWEST)
            assert now > before, "no number of an epoch comes twice"
        assert house.down() == 0


async def _ten(house: House, caller: Caller, text: str) -> list[Answer]:
    answers = await asyncio.gather(*(caller.chat(f"{text} {i} [[tokens=5]]") for i in range(10)))
    assert {answer.status for answer in answers} == {200}
    await wait_posted(house, [answer.usage_id for answer in answers])
    return answers


async def _copy_meanwhile(house: House, caller: Caller, copy: Path) -> None:
    async def call_on() -> None:
        while True:
            assert (await caller.chat("meanwhile [[tokens=5]]")).status == 200

    calls = asyncio.create_task(call_on())
    await asyncio.to_thread(house.run, "backup", str(copy))
    assert not calls.done(), "all were served"
    calls.cancel()


async def _serves(house: House, caller: Caller) -> bool:
    there = len(house.pids_of("gateway-0")) == 1 and house.is_ready()
    return there and (await caller.chat("anybody there? [[tokens=1]]")).status == 200


def _charges(answers: list[Answer]) -> dict[str, int]:
    return {answer.usage_id: charge_micro(answer.json["usage"]) for answer in answers}
