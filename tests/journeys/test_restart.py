"""SIGTERM lets running streams end; `up` again on the same data directory finds everything as it was."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import Any

import pytest

from tests.fakes.house import House
from tests.journeys.books import assert_agrees, charge_micro, rows, wait_for, wait_settled
from tests.journeys.caller import Answer, Caller, calling
from tests.journeys.declarations import key_text, simple

KEY = key_text("gaonde")


async def _seen(caller: Caller) -> dict[str, Any]:
    """Everything a company can see."""
    await wait_settled(caller)
    return {
        "voucher": await caller.voucher(),
        "usage": await caller.usage(),
        "models": await caller.get("/v1/models"),
    }


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="sigterm"),
        pytest.param(signal.SIGKILL, id="kill -9 of up", marks=pytest.mark.campaign),
    ],
)
async def test_everything_is_as_it_was(number: signal.Signals) -> None:
    with House(workers=2) as house:
        vendor = house.vendor("--token-ms", "0")
        first_s = house.up(simple(vendor.base_url, "gaonde", "daon"))
        async with calling(house.url, KEY) as caller:
            calls = [caller.chat(f"hello {i} [[tokens=20]]", stream=i % 2 == 0) for i in range(120)]
            assert {answer.status for answer in await asyncio.gather(*calls)} == {200}

            async def all_posted() -> bool:
                return len(await caller.usage()) == 120

            await wait_for(all_posted, timeout_s=10, said="usage posted")
            before = await _seen(caller)
        code = house.down(number)
        assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        again_s = house.up()
        print(f"up: {first_s:.1f} s, again: {again_s:.1f} s")
        async with calling(house.url, KEY) as caller:
            if number is signal.SIGTERM:
                assert await caller.voucher() == before["voucher"], "at once: nothing is shown as held"
            assert await _seen(caller) == before
            answer = await caller.chat("and on it goes")
            assert answer.status == 200
            charges = await _charges(house, caller)
            await assert_agrees(house, caller, "gaonde-v", charges)
        assert house.down() == 0


async def test_running_streams_end_first() -> None:
    """40 streams of 3 s run at SIGTERM: all are completed, charged exactly, and nothing new is taken."""
    with House(workers=2) as house:
        vendor = house.vendor("--token-ms", "10")
        house.up(simple(vendor.base_url, "gaonde"))
        answers = [Answer() for _ in range(40)]
        async with calling(house.url, KEY) as caller:
            running = asyncio.gather(
                *(caller.chat(f"{i} [[tokens=300]]", stream=True, into=answers[i]) for i in range(40))
            )

            async def all_run() -> bool:
                return all(len(answer.body) > 500 for answer in answers)

            await wait_for(all_run, timeout_s=10, said="streams run")
            house.ask_to_end()

            async def is_closed() -> bool:
                return await asyncio.to_thread(connects, house.port) is False

            await wait_for(is_closed, timeout_s=2, said="new callers are refused, while streams run")
            assert not running.done()
            await running
            assert [bytes(answer.body[-300:]) for answer in answers if not answer.is_done] == []
            assert [answer.is_cut for answer in answers] == [False] * 40
            late = await caller.chat("too late")
            assert late.status in (0, 503)
        assert await asyncio.to_thread(house.down) == 0
        house.up()
        async with calling(house.url, KEY) as caller:
            charges = await _charges(house, caller)
            assert len(charges) == 40
            await assert_agrees(house, caller, "gaonde-v", charges)
            assert await rows(house, "select count(*) from usage_now where end_reason <> 'completed'") == [
                (0,)
            ]
        assert house.down() == 0


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


async def _charges(house: House, caller: Caller) -> dict[str, int]:
    """usage id -> what the vendor's log makes of it."""
    logged = [call for vendor in house.vendors for call in vendor.log() if call["usage"] is not None]

    async def all_shown() -> bool:
        shown = {record["request_id"] for record in await caller.usage()}
        return shown >= {call["request_id"] for call in logged}

    await wait_for(all_shown, timeout_s=15, said="usage of every call the vendor billed")
    ids = {record["request_id"]: record["id"] for record in await caller.usage()}
    return {ids[call["request_id"]]: charge_micro(call["usage"]) for call in logged}
