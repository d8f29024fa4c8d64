"""Limits, idempotency, fail-over, clients that leave, and changes by `apply` that hold within a second.

All over the wire, with two gateway processes: what one of them has counted or heard must bind the other.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.house import Declaration, House, Vendor
from tests.journeys.books import assert_sound, charge_micro, wait_for, wait_settled
from tests.journeys.caller import Answer, Caller, calling, micro, total_micro
from tests.journeys.declarations import (
    OUTPUT_WON,
    api_key,
    chat_product,
    company,
    declaration,
    key_text,
    price,
    upstream,
    voucher,
)

KEY = key_text("gaonde")
HOLDS_WITHIN_S = 1.0


def _failing(vendor: Vendor, fault: str) -> dict[str, Any]:
    """An upstream of priority 0 that fails as told; 0 is asked before 1."""
    return upstream(vendor.base_url, model=f"demo[[fault:{fault}]]", priority=0, first_byte_timeout_s=1)


def _declaration(vendor: Vendor) -> Declaration:
    good = upstream(vendor.base_url)
    down = upstream("http://127.0.0.1:9/v1", priority=0, connect_timeout_s=1)
    products = [
        chat_product("nuri-x1", good),
        chat_product("nuri-cancel", good, on_client_gone="cancel"),
        chat_product("first-down", down, good),
        *(
            chat_product(f"first-{fault}", _failing(vendor, fault), good)
            for fault in ("http_500", "429", "hang", "http_401")
        ),
        chat_product("all-fail", _failing(vendor, "http_500"), _failing(vendor, "http_503")),
        chat_product("one-hangs", _failing(vendor, "hang")),
    ]
    limits = {
        "rpm": {"requests_per_minute": 5},
        "tpm": {"tokens_per_minute": 3000},
        "concurrent": {"concurrent": 3},
        "day": {"krw_per_day": 5},
    }
    return declaration(
        products=products,
        companies=[company("gaonde"), company("changing")],
        vouchers=[voucher("gaonde"), voucher("changing")],
        api_keys=[
            api_key("gaonde"),
            api_key("changing"),
            api_key("changing", "revoked"),
            *(api_key("gaonde", name, limits=limit) for name, limit in limits.items()),
        ],
    )


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(workers=2) as made:
        vendor = made.vendor("--token-ms", "2", "--latency-ms", "10")
        made.up(_declaration(vendor))
        yield made
        assert made.down() == 0


def _tally(answers: list[Answer]) -> Counter[str]:
    return Counter(str(answer.code or answer.status) for answer in answers)


# -- limits of a key


async def test_requests_per_minute(house: House) -> None:
    async with calling(house.url, key_text("gaonde", "rpm")) as caller:
        answers = await asyncio.gather(*(caller.chat("[[tokens=5]]") for _ in range(20)))
        assert _tally(answers) == {"200": 5, "rate_limited": 15}
        refused = next(answer for answer in answers if answer.status == 429)
        assert 50 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["x-should-retry"] == "true"


async def test_tokens_per_minute_counts_what_is_held_then_what_was_used(house: House) -> None:
    async with calling(house.url, key_text("gaonde", "tpm")) as caller:
        ask = "[[tokens=5]]"
        at_once = await asyncio.gather(*(caller.chat(ask, max_tokens=1500) for _ in range(4)))
        assert _tally(at_once) == {"200": 1, "rate_limited": 3}
        after = await caller.chat(ask, max_tokens=1500)  # what was held is used by now: a few tokens
        assert after.status == 200, bytes(after.body)


async def test_concurrent_calls(house: House) -> None:
    async with calling(house.url, key_text("gaonde", "concurrent")) as caller:
        ask = "[[latency_ms=600]] [[tokens=5]]"
        answers = await asyncio.gather(*(caller.chat(ask) for _ in range(12)))
        assert _tally(answers) == {"200": 3, "too_many_concurrent": 9}
        assert (await caller.chat(ask)).status == 200


async def test_won_per_day_holds_included(house: House) -> None:
    """5 won a day, and each call would be 2 won and a little: what is served never costs more than 5."""
    async with calling(house.url, key_text("gaonde", "day")) as caller:
        ask = "[[tokens=400]]"
        answers = await asyncio.gather(*(caller.chat(ask, max_tokens=400) for _ in range(10)))
        later = [await caller.chat(ask, max_tokens=400) for _ in range(5)]
        tally = _tally([*answers, *later])
        assert set(tally) == {"200", "key_budget_exhausted"}, tally
        charges = [micro(a.headers["x-voucher-charge-krw"]) for a in [*answers, *later] if a.status == 200]
        assert 4_000_000 <= sum(charges) <= 5_000_000
        refused = later[-1]
        assert (refused.status, refused.headers["x-should-retry"]) == (429, "false")
        assert 1 <= int(refused.headers["retry-after"]) <= 86_400


# -- idempotency


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not streamed"])
async def test_the_same_key_is_one_call(house: House, stream: bool) -> None:
    async with calling(house.url, KEY) as caller:
        headers = {"Idempotency-Key": f"once-{stream}"}
        first = await caller.chat("once [[tokens=40]]", stream=stream, headers=headers)
        before = await caller.voucher()
        again = [await caller.chat("once [[tokens=40]]", stream=stream, headers=headers) for _ in range(8)]
        for answer in again:
            assert (answer.status, answer.body, answer.usage_id) == (200, first.body, first.usage_id)
        assert not stream or first.is_done
        assert await caller.voucher() == before
        other = await caller.chat("another body", headers=headers)
        assert (other.status, other.code) == (422, "idempotency_mismatch")
        assert other.headers["x-should-retry"] == "false"
        assert len(_billed(house, [*again, first])) == 1


async def test_a_call_that_still_runs_is_a_conflict(house: House) -> None:
    async with calling(house.url, KEY) as caller:
        headers = {"Idempotency-Key": "running"}
        ask = "running [[latency_ms=1200]] [[tokens=5]]"
        answers = await asyncio.gather(*(caller.chat(ask, headers=headers) for _ in range(6)))
        assert _tally(answers) == {"200": 1, "idempotency_in_progress": 5}
        refused = next(answer for answer in answers if answer.status == 409)
        assert refused.headers["x-should-retry"] == "true"
        done = next(answer for answer in answers if answer.status == 200)
        assert (await caller.chat(ask, headers=headers)).body == done.body


async def test_a_client_that_lost_its_stream_gets_it_whole(house: House) -> None:
    """The connection breaks, the call goes on; asked again, the whole stream is there, charged once."""
    async with calling(house.url, KEY) as caller:
        headers = {"Idempotency-Key": "lost"}
        lost = await _leave(caller, "lost [[tokens=300]]", model="nuri-x1", headers=headers)
        record = await caller.usage_of(lost.usage_id)
        again = await caller.chat("lost [[tokens=300]]", stream=True, headers=headers)
        assert (again.status, again.is_done, again.usage_id) == (200, True, lost.usage_id), bytes(again.body)
        assert again.body.startswith(lost.body)
        assert again.finish_reasons == ["stop"]
        assert again.comment["charge_krw"] == record["charge_krw"]
        assert len(_billed(house, [lost, again])) == 1


async def test_a_failure_that_cost_nothing_is_not_remembered(house: House) -> None:
    async with calling(house.url, KEY) as caller:
        headers = {"Idempotency-Key": "failing"}
        for _ in range(2):
            answer = await caller.chat("[[fault:http_500]]", headers=headers)
            assert (answer.status, answer.code) == (502, "upstream_error")
        # the same key, and the body may even be another one now
        assert (await caller.chat("well [[tokens=5]]", headers=headers)).status == 200


# -- fail-over


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not streamed"])
@pytest.mark.parametrize("first", ["down", "http_500", "429", "hang", "http_401"])
async def test_the_second_upstream_answers(house: House, first: str, stream: bool) -> None:
    async with calling(house.url, KEY) as caller:
        answer = await caller.chat("[[tokens=20]]", model=f"first-{first}", stream=stream)
        assert answer.status == 200, bytes(answer.body)
        record = await caller.usage_of(answer.usage_id)
        assert (record["status"], record["end_reason"], record["estimated"]) == (
            "settled",
            "completed",
            False,
        )
        billed = _billed(house, [answer])
        assert len(billed) == 1
        assert micro(record["charge_krw"]) == charge_micro(billed[0])


async def test_where_all_fail_nothing_is_charged(house: House) -> None:
    async with calling(house.url, KEY) as caller:
        before = total_micro(await caller.voucher(), "spent")
        failed = await caller.chat("hello", model="all-fail")
        assert (failed.status, failed.code) == (502, "upstream_error")
        started_s = time.monotonic()
        hung = await caller.chat("hello", model="one-hangs")
        assert (hung.status, hung.code) == (504, "upstream_timeout")
        assert time.monotonic() - started_s < 5
        for answer in (failed, hung):
            assert answer.headers["x-should-retry"] == "true"
            record = await caller.usage_of(answer.usage_id)
            assert (record["status"], record["charge_krw"]) == ("released", "0")
        await wait_settled(caller)
        assert total_micro(await caller.voucher(), "spent") == before


@pytest.mark.parametrize("fault", ["cut_after=20", "error_after=20"])
async def test_a_vendor_that_fails_in_mid_stream(house: House, fault: str) -> None:
    """One error frame; what was delivered is charged as an estimate."""
    async with calling(house.url, KEY) as caller:
        answer = await caller.chat(f"[[tokens=100]] [[fault:{fault}]]", stream=True)
        assert answer.status == 200
        assert not answer.is_done
        errors = [chunk for chunk in answer.chunks if "error" in chunk]
        assert [error["error"]["code"] for error in errors] == ["upstream_error"]
        record = await caller.usage_of(answer.usage_id)
        assert (record["end_reason"], record["estimated"]) == ("upstream_error", True)
        assert 10 <= record["tokens"]["output"] <= 30


# -- clients that leave


async def test_a_client_that_leaves_is_charged_what_the_vendor_billed(house: House) -> None:
    async with calling(house.url, KEY) as caller:
        answer = await _leave(caller, "[[tokens=300]]", model="nuri-x1")
        record = await caller.usage_of(answer.usage_id)
        billed = _billed(house, [answer])
        assert (record["client_gone"], record["estimated"]) == (True, False)
        assert billed[0]["completion_tokens"] == 300
        assert micro(record["charge_krw"]) == charge_micro(billed[0])
        await wait_settled(caller)


async def test_a_product_may_stop_the_vendor_instead(house: House) -> None:
    async with calling(house.url, KEY) as caller:
        answer = await _leave(caller, "[[tokens=1000]]", model="nuri-cancel")
        record = await caller.usage_of(answer.usage_id)
        assert (record["client_gone"], record["estimated"]) == (True, True)
        assert (record["end_reason"], record["status"]) == ("client_gone", "settled")
        assert 0 < record["tokens"]["output"] < 500
        await wait_settled(caller)


async def _leave(caller: Caller, text: str, *, model: str, headers: Any = None) -> Answer:
    """Read a little of a stream and hang up."""
    answer = Answer()
    call = asyncio.create_task(caller.chat(text, model=model, stream=True, headers=headers, into=answer))

    async def has_begun() -> bool:
        return len(answer.body) > 2000

    await wait_for(has_begun, timeout_s=10, said="the stream runs", poll_s=0.01)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    return answer


# -- what `apply` changes on the running system


async def test_a_changed_price_holds_and_a_running_call_keeps_its_own(house: House) -> None:
    async with calling(house.url, key_text("changing")) as caller:
        old = await caller.chat("[[tokens=100]]")
        running = asyncio.create_task(caller.chat("[[tokens=500]] [[token_ms=6]]", stream=True))
        await asyncio.sleep(0.3)
        since = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 1))
        prices = [price(since, output=2 * OUTPUT_WON)]
        house.apply({"products": [{"id": "nuri-x1", "prices": prices}]})
        await asyncio.sleep(HOLDS_WITHIN_S)
        for new in await asyncio.gather(*(caller.chat("[[tokens=100]]") for _ in range(8))):
            more = micro(new.headers["x-voucher-charge-krw"]) - micro(old.headers["x-voucher-charge-krw"])
            assert more == 100 * OUTPUT_WON
            assert (await caller.usage_of(new.usage_id))["price_from"] == since
        kept = await running
        assert micro(kept.comment["charge_krw"]) == charge_micro(_billed(house, [kept])[0])


async def test_a_revoked_key_is_refused_by_every_gateway(house: House) -> None:
    async with calling(house.url, key_text("changing", "revoked")) as caller:
        assert {a.status for a in await _ask_all(caller)} == {200}
        house.apply({"api_keys": [{"company": "changing", "name": "revoked", "revoked": True}]})
        await asyncio.sleep(HOLDS_WITHIN_S)
        assert _tally(await _ask_all(caller)) == {"invalid_api_key": 16}


async def test_a_suspended_voucher_pays_nothing_until_it_is_active_again(house: House) -> None:
    async with calling(house.url, key_text("changing")) as caller:
        assert {a.status for a in await _ask_all(caller)} == {200}
        house.apply({"vouchers": [{"id": "changing-v", "state": "suspended"}]})
        await asyncio.sleep(HOLDS_WITHIN_S)
        assert _tally(await _ask_all(caller)) == {"voucher_not_active": 16}
        house.apply({"vouchers": [{"id": "changing-v", "state": "active"}]})
        await asyncio.sleep(HOLDS_WITHIN_S)
        assert _tally(await _ask_all(caller)) == {"200": 16}


async def test_a_raised_grant_can_be_spent(house: House) -> None:
    async with calling(house.url, key_text("changing")) as caller:
        house.apply({"vouchers": [{"id": "changing-v", "government_krw": 8_000_000}]})
        await asyncio.sleep(HOLDS_WITHIN_S)
        assert (await caller.voucher())["government"]["granted_krw"] == "8000000"


async def test_apply_twice_changes_nothing(house: House) -> None:
    change: Declaration = {"companies": [{"id": "changing", "data_locations": ["KR", "US"]}]}
    assert house.apply(change)["changed"]
    assert house.apply(change) == {"created": [], "changed": [], "api_keys": []}


async def test_the_books_are_sound_after_all_this(house: House) -> None:
    async with calling(house.url, KEY) as caller:
        await wait_settled(caller)
    await assert_sound(house)


async def _ask_all(caller: Caller) -> list[Answer]:
    """Often enough, on connections of their own, that every gateway is asked."""
    return await asyncio.gather(*(caller.chat("[[tokens=5]]") for _ in range(16)))


def _billed(house: House, answers: list[Answer]) -> list[dict[str, Any]]:
    """The usages the vendor billed for these calls."""
    wanted = {answer.headers["X-Request-Id"] for answer in answers}
    calls = [call for vendor in house.vendors for call in vendor.log()]
    return [call["usage"] for call in calls if call["request_id"] in wanted and call["usage"]]
