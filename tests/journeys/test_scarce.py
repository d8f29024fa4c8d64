"""The end of the money: in mid-stream, beyond every bound, with a gateway killed while calls compete."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from metering.shares import government_micro
from tests.fakes.house import House
from tests.journeys.books import assert_sound, charge_micro, rows, wait_for, wait_posted, wait_settled
from tests.journeys.caller import Answer, Caller, calling, micro, total_micro
from tests.journeys.declarations import (
    INPUT_WON,
    OUTPUT_WON,
    SHARE_PPM,
    api_key,
    chat_product,
    company,
    declaration,
    key_text,
    upstream,
    voucher,
)

pytestmark = pytest.mark.campaign

TOKENS_PAID = 300  # of output, and a little for the question


def _krw(amount_micro: int) -> str:
    return f"{amount_micro // 1_000_000}.{amount_micro % 1_000_000:06d}"


def _voucher(company_id: str, total_micro: int) -> dict[str, Any]:
    government = government_micro(total_micro, SHARE_PPM)
    return voucher(company_id, government=_krw(government), own=_krw(total_micro - government))


PAYS_300 = TOKENS_PAID * OUTPUT_WON + 300 * INPUT_WON
COMPETING = {"race": 40 * 400 * OUTPUT_WON}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(workers=2, environment={"VOUCHER_GATEWAY_DRAIN_S": "1"}) as made:
        honest = made.vendor("--token-ms", "1", "--latency-ms", "20")
        greedy = made.vendor("--token-ms", "0", "--count-factor", "40")
        small = ("sse", "whole", "sdk", "greedy")
        made.up(
            declaration(
                products=[
                    chat_product("nuri-x1", upstream(honest.base_url), input_overhead_tokens=0),
                    chat_product("greedy", upstream(greedy.base_url), input_overhead_tokens=0),
                ],
                companies=[company(name) for name in (*small, "race", "slow")],
                vouchers=[
                    *(_voucher(name, PAYS_300) for name in small),
                    _voucher("race", COMPETING["race"]),
                    voucher("slow"),
                ],
                api_keys=[api_key(name) for name in (*small, "race", "slow")],
            )
        )
        yield made
        assert made.down() == 0


async def test_the_balance_ends_in_mid_stream(house: House) -> None:
    """`length`, usage and the comment, no error frame; not streamed, the same as one answer."""
    ask = "[[tokens=2000]]"
    async with calling(house.url, key_text("sse")) as caller:
        answer = await caller.chat(ask, stream=True, stream_options={"include_usage": True})
        assert (answer.status, answer.is_done, answer.finish_reasons) == (200, True, ["length"])
        assert [chunk for chunk in answer.chunks if "error" in chunk] == []
        assert answer.comment["ended"] == "voucher_exhausted"
        (usage,) = [chunk["usage"] for chunk in answer.chunks if chunk.get("usage")]
        await _assert_ended(house, caller, "sse", answer.usage_id, micro(answer.comment["charge_krw"]))
        assert charge_micro(usage) == micro(answer.comment["charge_krw"])
    async with calling(house.url, key_text("whole")) as caller:
        answer = await caller.chat(ask)
        assert answer.status == 200
        assert answer.json["choices"][0]["finish_reason"] == "length"
        charge = micro(answer.headers["x-voucher-charge-krw"])
        assert charge_micro(answer.json["usage"]) == charge
        await _assert_ended(house, caller, "whole", answer.usage_id, charge)
    async with AsyncOpenAI(base_url=f"{house.url}/v1", api_key=key_text("sdk"), max_retries=0) as client:
        messages: Any = [{"role": "user", "content": ask}]
        stream = await client.chat.completions.create(model="nuri-x1", messages=messages, stream=True)
        chunks = [chunk async for chunk in stream]
        assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == [
            "length"
        ]


async def _assert_ended(house: House, caller: Caller, company_id: str, usage_id: str, charge: int) -> None:
    record = await caller.usage_of(usage_id)
    assert (record["end_reason"], record["status"]) == ("voucher_exhausted", "settled")
    assert micro(record["charge_krw"]) == charge <= PAYS_300
    assert record["uncollected_krw"] == "0"
    assert record["tokens"]["output"] >= TOKENS_PAID - 100  # the question's bound is held to the end
    after = await caller.chat("more", max_tokens=400)
    assert after.status in (200, 402)
    await wait_settled(caller)
    assert total_micro(await caller.voucher(), "spent") <= PAYS_300
    await assert_sound(house)


async def test_what_a_vendor_bills_beyond_every_bound_is_uncollected(house: House) -> None:
    """It counts forty times as much as can be: the voucher pays what it has, the rest is on the record."""
    async with calling(house.url, key_text("greedy")) as caller:
        answer = await caller.chat("hello [[tokens=20]]", model="greedy", max_tokens=20)
        assert answer.status == 200, bytes(answer.body)
        record = await caller.usage_of(answer.usage_id)
        (billed,) = [call["usage"] for call in house.vendors[1].log()]
        charge = charge_micro(billed)
        assert micro(record["charge_krw"]) == charge
        parts = [micro(record[f"{name}_krw"]) for name in ("government", "self", "own", "uncollected")]
        assert sum(parts) == charge
        await wait_settled(caller)
        shown = await caller.voucher()
        assert parts[0] + parts[1] == total_micro(shown, "spent") <= PAYS_300
        assert parts[3] == max(0, charge - PAYS_300)
        await assert_sound(house)


async def test_a_gateway_is_killed_while_calls_compete_for_the_last_money(house: House) -> None:
    """120 calls for a balance that pays fewer than 40: nothing overspent, what the dead held comes back."""
    async with calling(house.url, key_text("race")) as caller:
        assert (await caller.chat("[[tokens=5]]")).status == 200
        deadline_s = time.monotonic() + 25
        racing = asyncio.gather(*(_insist(caller, deadline_s, i % 2 == 0) for i in range(120)))
        await asyncio.sleep(0.8)
        house.kill("gateway-1")
        answers = await racing
        await wait_settled(caller)
        await assert_sound(house)
        shown = await caller.voucher()
        assert total_micro(shown, "spent") <= COMPETING["race"]
        assert total_micro(shown, "available") < 2 * 400 * OUTPUT_WON  # what fits in was served
        whole = [a for a in answers if a.status == 200 and not a.is_cut and _is_whole(a)]
        await wait_posted(house, [answer.usage_id for answer in whole])
        records = {record["id"]: record for record in await caller.usage()}
        assert total_micro(shown, "spent") == sum(micro(r["charge_krw"]) for r in records.values())
        for answer in whole:
            record = records[answer.usage_id]
            assert (record["status"], record["tokens"]["output"]) == ("settled", 400)
        lost = [r for r in records.values() if r["end_reason"] == "gateway_lost"]
        ended = [r for r in records.values() if r["end_reason"] == "voucher_exhausted"]
        lost_micro = sum(micro(record["charge_krw"]) for record in lost)
        print(
            f"\n{len(whole)} whole answers, {len(ended)} ended by the balance, {len(lost)} lost in the kill"
        )
        print(f"{lost_micro} micro-won went with the kill")
        # What the dead one held is waited for: that is no reason to cut those who live.
        assert len(ended) < len(whole)
    if any(answer.status == 402 for answer in answers):
        assert await rows(house, "select count(*) from usage_now where uncollected_micro > 0") == [(0,)]


def _is_whole(answer: Answer) -> bool:
    if answer.headers["Content-Type"].startswith("text/event-stream"):
        return answer.is_done and answer.finish_reasons == ["stop"]
    return bool(answer.json["choices"][0]["finish_reason"] == "stop")


async def _insist(caller: Caller, deadline_s: float, stream: bool) -> Answer:
    while True:
        answer = await caller.chat("[[tokens=400]]", stream=stream, max_tokens=4000)
        again = answer.is_cut or answer.status == 0 or answer.headers.get("x-should-retry") == "true"
        if not again or time.monotonic() > deadline_s:
            return answer
        await asyncio.sleep(0.5)


async def test_a_stream_longer_than_the_drain_is_settled_as_delivered(house: House) -> None:
    """SIGTERM, a drain of one second and streams of ten: cut, and charged for what was delivered."""
    answers = [Answer() for _ in range(10)]
    async with calling(house.url, key_text("slow")) as caller:
        ask = "[[tokens=500]] [[token_ms=20]]"
        running = asyncio.gather(*(caller.chat(ask, stream=True, into=answer) for answer in answers))

        async def all_run() -> bool:
            return all(len(answer.body) > 2000 for answer in answers)

        await wait_for(all_run, timeout_s=10, said="streams run")
        started_s = time.monotonic()
        house.ask_to_end()
        await running
        assert time.monotonic() - started_s < 6
        assert [answer.is_done for answer in answers] == [False] * 10
    assert await asyncio.to_thread(house.down, signal.SIGTERM) == 0
    house.up()
    async with calling(house.url, key_text("slow")) as caller:
        await wait_posted(house, [answer.usage_id for answer in answers])
        await wait_settled(caller)
        await assert_sound(house)
        for answer in answers:
            record = await caller.usage_of(answer.usage_id)
            said = sum(
                1 for chunk in answer.chunks for c in chunk.get("choices", []) if c["delta"].get("content")
            )
            assert (record["status"], record["estimated"]) == ("settled", True)
            assert abs(record["tokens"]["output"] - said) <= 16
