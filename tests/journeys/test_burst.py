"""400 calls at once on a balance that pays 80, each asking for ten times what it will use.

Never more than it pays; every won in one place in every answer while it happens; at least 95 % of the 80 in
the burst itself, and all of them once those who were told to come back have come back. So what is charged for
calls that the balance ended could not have paid another one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from metering.shares import government_micro
from tests.fakes.house import House
from tests.journeys.books import assert_agrees, charge_micro, rows, wait_settled
from tests.journeys.caller import Answer, Caller, calling, micro, total_micro
from tests.journeys.declarations import (
    SHARE_PPM,
    api_key,
    chat_product,
    company,
    declaration,
    key_text,
    upstream,
    voucher,
)

CALLS, PAID = 400, 80
TOKENS = 200
TEXT = f"hello [[tokens={TOKENS}]]"
SERVED_MIN = 76
PATIENCE_S = 40.0
# What is asked here is what a balance pays, not how many calls this machine serves in the usual five seconds.
PATIENT = {"VOUCHER_GATEWAY_WAIT_FOR_FUNDS_S": "20"}


def krw(amount_micro: int) -> str:
    return f"{amount_micro // 1_000_000}.{amount_micro % 1_000_000:06d}"


@pytest.fixture(scope="module", params=[1, 4], ids=["1 gateway", "4 gateways"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with House(workers=request.param, environment=PATIENT) as made:
        vendor = made.vendor("--latency-ms", "50", "--token-ms", "0.25")
        made.up(
            declaration(
                products=[chat_product("nuri-x1", upstream(vendor.base_url), input_overhead_tokens=0)],
                companies=[company("probe")],
                vouchers=[voucher("probe")],
                api_keys=[api_key("probe")],
            )
        )
        yield made
        assert made.down() == 0


async def _true_cost_micro(house: House) -> int:
    async with calling(house.url, key_text("probe")) as caller:
        answer = await caller.chat(TEXT)
        assert answer.json["usage"]["completion_tokens"] == TOKENS
        return charge_micro(answer.json["usage"])


def _grant(house: House, company_id: str, total_micro: int) -> None:
    """A company with a voucher that pays exactly so much."""
    government = government_micro(total_micro, SHARE_PPM)
    house.apply(
        {
            "companies": [company(company_id)],
            "vouchers": [voucher(company_id, government=krw(government), own=krw(total_micro - government))],
            "api_keys": [api_key(company_id)],
        }
    )


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not streamed"])
async def test_never_more_than_it_pays_and_never_less(house: House, stream: bool) -> None:
    cost_micro = await _true_cost_micro(house)
    company_id = f"burst-{time.monotonic_ns()}"  # a voucher of its own also where it is run once more
    granted_micro = PAID * cost_micro + cost_micro // 2
    _grant(house, company_id, granted_micro)
    async with calling(house.url, key_text(company_id)) as caller:
        await _wait_known(caller)
        watching = asyncio.create_task(_watch(caller))
        started_s = time.monotonic()
        first = await asyncio.gather(*(_call(caller, stream) for _ in range(CALLS)))
        burst_s = time.monotonic() - started_s
        tally = Counter(_how(answer, stream) for answer in first)
        polls = await _stop(watching)
        print(f"\nburst {burst_s:.1f} s: {dict(tally)}, /v1/voucher asked {polls} times")
        assert set(tally) <= {"served", "funds_held", "voucher_exhausted", "cut"}
        assert SERVED_MIN <= tally["served"] <= PAID

        refused = [answer for answer in first if answer.code == "funds_held"]
        later = await asyncio.gather(*(_insist(caller, stream) for _ in refused))
        more = Counter(_how(answer, stream) for answer in later)
        print(f"came back: {dict(more)}")
        by_gateway = (
            "select gateway_id, end_reason, count(*), sum(charge_micro) from usage_now where company_id = %s"
            " group by 1, 2 order by 1, 2"
        )
        print(await rows(house, by_gateway, company_id))
        assert tally["served"] + more["served"] == PAID
        if tally["voucher_exhausted"]:
            assert more["served"] == 0  # 402 means: not even what others hold could have paid

        await wait_settled(caller)
        shown = await caller.voucher()
        assert total_micro(shown, "spent") <= granted_micro
        charges = _charged([*first, *later], stream)
        assert sum(charges.values()) <= granted_micro
        _assert_exact(house, charges, [*first, *later], stream, cost_micro)
        await assert_agrees(house, caller, f"{company_id}-v", charges)


async def _call(caller: Caller, stream: bool) -> Answer:
    return await caller.chat(TEXT, stream=stream, max_tokens=10 * TOKENS)


async def _insist(caller: Caller, stream: bool) -> Answer:
    """As an SDK: wait as long as it is told and try again, as long as it is told to."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        answer = await _call(caller, stream)
        if answer.headers.get("x-should-retry") != "true" or time.monotonic() > deadline_s:
            return answer
        await asyncio.sleep(int(answer.headers["retry-after"]))


def _how(answer: Answer, stream: bool) -> str:
    """`served` is the whole answer, `cut` one that the balance ended, else our code."""
    if answer.status != 200:
        return str(answer.code or answer.status)
    if stream:
        assert answer.is_done, bytes(answer.body[-300:])
        reasons = answer.finish_reasons
    else:
        reasons = [answer.json["choices"][0]["finish_reason"]]
    return "served" if reasons == ["stop"] else "cut"


async def _wait_known(caller: Caller) -> None:
    """What `apply` said holds on every gateway within a second."""
    await asyncio.sleep(1.0)
    for _ in range(20):
        assert (await caller.get("/v1/voucher"))[0] == 200


async def _watch(caller: Caller) -> int:
    """Ask for the voucher all the time; `Caller.voucher` checks the sums of each answer."""
    asked = 0
    while True:
        try:
            await caller.voucher()
            asked += 1
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            return asked


async def _stop(watching: asyncio.Task[int]) -> int:
    watching.cancel()
    return await watching


def _charged(answers: list[Answer], stream: bool) -> dict[str, int]:
    served = [answer for answer in answers if answer.status == 200]
    if stream:
        return {answer.usage_id: micro(answer.comment["charge_krw"]) for answer in served}
    return {answer.usage_id: micro(answer.headers["x-voucher-charge-krw"]) for answer in served}


def _assert_exact(
    house: House, charges: dict[str, int], answers: list[Answer], stream: bool, cost_micro: int
) -> None:
    """A whole answer costs what the vendor billed for that very call."""
    logged = {call["request_id"]: call for vendor in house.vendors for call in vendor.log()}
    for answer in answers:
        if _how(answer, stream) == "served":
            billed = charge_micro(logged[answer.headers["x-request-id"]]["usage"])
            assert charges[answer.usage_id] == billed == cost_micro
