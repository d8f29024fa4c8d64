"""Twenty agents at once, each allowed 64,000 tokens of output, on a balance that pays what they truly use.

Their ceilings together are a hundred times the balance, and every one of them is served, whole: nobody is
refused, nobody is cut, and the vendor's own count of each call is what was charged. Half a call is left over:
what is delivered is only estimated while it flows, and the last call has to fit with its estimate.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from metering.shares import government_micro
from tests.fakes.house import House
from tests.journeys.books import assert_agrees, charge_micro
from tests.journeys.caller import Answer, calling, total_micro
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

pytestmark = pytest.mark.campaign

AGENTS = 20
MAX_TOKENS = 64_000
TOKENS = 400
TEXT = f"work [[tokens={TOKENS}]]"


@pytest.fixture(scope="module", params=[1, 2], ids=["1 gateway", "2 gateways"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with House(workers=request.param) as made:
        vendor = made.vendor("--latency-ms", "50", "--token-ms", "10")
        made.up(
            declaration(
                products=[
                    chat_product(
                        "nuri-x1",
                        upstream(vendor.base_url),
                        input_overhead_tokens=0,
                        max_output_tokens=MAX_TOKENS,
                    )
                ],
                companies=[company("probe")],
                vouchers=[voucher("probe")],
                api_keys=[api_key("probe")],
            )
        )
        yield made
        assert made.down() == 0


def krw(amount_micro: int) -> str:
    return f"{amount_micro // 1_000_000}.{amount_micro % 1_000_000:06d}"


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not streamed"])
async def test_all_of_them_are_served(house: House, stream: bool) -> None:
    async with calling(house.url, key_text("probe")) as caller:
        cost_micro = charge_micro((await caller.chat(TEXT)).json["usage"])
    company_id = f"agents-{time.monotonic_ns()}"
    granted_micro = AGENTS * cost_micro + cost_micro // 2
    government = government_micro(granted_micro, SHARE_PPM)
    house.apply(
        {
            "companies": [company(company_id)],
            "vouchers": [
                voucher(company_id, government=krw(government), own=krw(granted_micro - government))
            ],
            "api_keys": [api_key(company_id)],
        }
    )
    await asyncio.sleep(1.0)  # what `apply` said holds on every gateway within a second
    async with calling(house.url, key_text(company_id)) as caller:
        started_s = time.monotonic()
        calls = [caller.chat(TEXT, stream=stream, max_tokens=MAX_TOKENS) for _ in range(AGENTS)]
        running = asyncio.gather(*calls)
        await asyncio.sleep(1.5)
        _, open_now = await caller.get("/v1/usage?status=open")
        answers = await running
        tally = Counter(_how(answer, stream) for answer in answers)
        print(f"\n{AGENTS} agents in {time.monotonic() - started_s:.1f} s: {dict(tally)}")
        assert tally == {"served": AGENTS}
        usage_ids = {answer.usage_id for answer in answers}
        shown = [record["id"] for record in open_now["data"]]
        assert shown, "calls that run are listed"
        assert set(shown) <= usage_ids
        assert (await caller.get("/v1/usage?status=open"))[1]["data"] == []
        billed = {call["request_id"]: call["usage"] for call in house.vendors[0].log()}
        charges = {a.usage_id: charge_micro(billed[a.headers["x-request-id"]]) for a in answers}
        assert set(charges.values()) == {cost_micro}
        await assert_agrees(house, caller, f"{company_id}-v", charges)
        assert total_micro(await caller.voucher(), "available") == cost_micro // 2


def _how(answer: Answer, stream: bool) -> str:
    """`served` is the whole answer, `cut` one that the balance ended, else our code."""
    if answer.status != 200:
        return str(answer.code or answer.status)
    reasons = answer.finish_reasons if stream else [answer.json["choices"][0]["finish_reason"]]
    return "served" if reasons == ["stop"] else "cut"
