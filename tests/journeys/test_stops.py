"""What the agency stops in the office is refused by every gateway process within a second, and resumed so."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import aiohttp
import pytest

from tests.fakes.house import House
from tests.journeys.caller import calling
from tests.journeys.declarations import key_text, simple

HOLDS_WITHIN_S: Final = 1.0
OPERATOR: Final = {"email": "operator@example.org", "password": "a long password of an operator"}
# What is stopped, and how the contract says so to its caller.
STOPPED: Final = (
    ("companies/gaonde", "invalid_api_key"),
    ("api_keys/gaonde/backend", "invalid_api_key"),
    ("vouchers/gaonde-v", "voucher_not_active"),
    ("products/nuri-x1", "model_not_found"),
    ("providers/nuri", "model_not_found"),
)


@pytest.fixture
def house() -> Iterator[House]:
    with House(workers=2) as made:
        vendor = made.vendor("--token-ms", "1", "--latency-ms", "5")
        made.up({**simple(vendor.base_url, "gaonde"), "users": [{**OPERATOR, "role": "operator"}]})
        yield made
        assert made.down() == 0


async def test_what_is_stopped_is_stopped_in_every_gateway(house: House) -> None:
    async with aiohttp.ClientSession(f"{house.office_url}/api/") as office:
        async with office.post("token", json=OPERATOR) as answer:
            office.headers["Authorization"] = f"Bearer {(await answer.json())['token']}"
        keys = itertools.count()

        async def step(path: str, action: str) -> None:
            once = {"Idempotency-Key": f"k-{next(keys)}"}
            because = {"reason": "부정수급 의심"}
            async with office.post(f"{path}/{action}", json=because, headers=once) as answer:
                assert answer.status == 200, await answer.text()

        for path, code in STOPPED:
            for action, wanted in (("suspend", code), ("resume", "200")):
                await step(path, action)
                done_s = time.monotonic()
                await asyncio.sleep(HOLDS_WITHIN_S)
                assert await said(house) == {wanted: 16}, (path, action, time.monotonic() - done_s)


async def said(house: House) -> Counter[str]:
    """On so many connections of their own that each of the two gateways is asked."""
    async with calling(house.url, key_text("gaonde")) as caller:
        answers: list[Any] = await asyncio.gather(*(caller.chat("[[tokens=5]]") for _ in range(16)))
    return Counter(str(answer.code or answer.status) for answer in answers)
