"""kill -9 in the middle of 50 streams: a gateway, Valkey, PostgreSQL, the worker. Nobody lends a hand then.

What a client has seen completed is charged exactly once at the vendor's own count; what the kill cut off is
charged up to its checkpoint; and the books are sound.

One house goes through all of it, as a house does in its life: what one kill left behind would show after the
next. Each test calls as a company of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.fakes.house import House, wait_until
from tests.journeys.books import assert_sound, charge_micro, rows, wait_for, wait_posted, wait_settled
from tests.journeys.caller import Answer, Caller, calling, micro, total_micro
from tests.journeys.declarations import INPUT_WON, OUTPUT_WON, key_text, simple

COMPANIES = tuple(f"kills-{i}" for i in range(16))  # a test that is run once more takes another one
STREAMS = 50
TOKENS = 500
TOKEN_MS = 8
TEXT = f"[[tokens={TOKENS}]]"
STARTED_TOKENS = 300  # of each stream, before the kill: beyond the first checkpoint, at 256
LOST_TOKENS_MAX = 256
LOST_S_MAX = 2
SERVE_AGAIN_S = 30.0


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(workers=2) as made:
        vendor = made.vendor("--token-ms", str(TOKEN_MS), "--latency-ms", "20")
        made.up(simple(vendor.base_url, *COMPANIES))
        yield made
        assert made.down() == 0


@pytest.fixture(scope="module")
def unused_companies() -> Iterator[str]:
    return iter(COMPANIES)


@pytest.fixture
def key(unused_companies: Iterator[str]) -> str:
    """Of a company that has not called yet."""
    return key_text(next(unused_companies))


async def _strike_in_the_middle(caller: Caller, name: str, strike: Callable[[], object]) -> list[Answer]:
    """50 streams, one blow, and what each client saw in the end."""
    answers = [Answer() for _ in range(STREAMS)]
    running = asyncio.gather(*(_stream(caller, i, answers[i]) for i in range(STREAMS)))

    async def all_run() -> bool:
        assert not running.done(), "too late: the streams are over"
        return all(answer.body.count(b"\n\n") > STARTED_TOKENS for answer in answers)

    await wait_for(all_run, timeout_s=20, said="streams run", poll_s=0.05)
    await asyncio.to_thread(strike)
    killed_s = time.monotonic()
    again_s, refused = await _serve_again(caller, killed_s)
    await running
    done = sum(answer.is_done for answer in answers)
    print(
        f"\n{name}: {done} of {STREAMS} streams completed; new calls work after {again_s:.2f} s"
        f" ({refused} refused meanwhile)"
    )
    return answers


async def _stream(caller: Caller, i: int, into: Answer) -> None:
    """One after the other, so that both gateways accept some of them."""
    await asyncio.sleep(i * 0.01)
    await caller.chat(f"{i} {TEXT}", stream=True, into=into)


async def _serve_again(caller: Caller, killed_s: float) -> tuple[float, int]:
    """Seconds until a new call is served three times in a row, and how many were refused before."""
    refused = in_a_row = 0
    while in_a_row < 3:
        answer = await caller.chat("are you there? [[tokens=5]]")
        if answer.status == 200:
            in_a_row += 1
        else:
            assert answer.status in (0, 429, 502, 503), (answer.status, bytes(answer.body))
            refused, in_a_row = refused + 1, 0
            await asyncio.sleep(0.1)
        assert time.monotonic() - killed_s < SERVE_AGAIN_S, f"no service for {SERVE_AGAIN_S} s"
    return time.monotonic() - killed_s, refused


async def _assert_guarantees(house: House, caller: Caller, answers: list[Answer]) -> None:
    held_s = await wait_settled(caller)
    print(f"no hold left after {held_s:.1f} s more")
    completed = [answer for answer in answers if answer.is_done]
    await wait_posted(house, [answer.usage_id for answer in answers])
    await assert_sound(house)
    await _assert_completed_charged_once(house, caller, completed)
    await _assert_cut_charged_to_the_checkpoint(caller, [answer for answer in answers if not answer.is_done])
    await _assert_nothing_else(house, caller)


async def _assert_completed_charged_once(house: House, caller: Caller, completed: list[Answer]) -> None:
    billed = {call["request_id"]: call["usage"] for call in house.vendors[0].log()}
    for answer in completed:
        record = await caller.usage_of(answer.usage_id)
        assert (record["status"], record["end_reason"], record["estimated"]) == (
            "settled",
            "completed",
            False,
        )
        charge = charge_micro(billed[answer.headers["X-Request-Id"]])
        assert micro(record["charge_krw"]) == charge == micro(answer.comment["charge_krw"])
    rows_each = "select coalesce(sum(d_charge_micro), 0)::bigint from usage where op = %s"
    for answer in completed:
        assert await rows(house, rows_each, answer.usage_id) == [(micro(answer.comment["charge_krw"]),)]


async def _assert_cut_charged_to_the_checkpoint(caller: Caller, cut: list[Answer]) -> None:
    """At most 2 s of delivered output, and at most 256 tokens, are missing; never more than was delivered."""
    missing = []
    for answer in cut:
        record = await caller.usage_of(answer.usage_id)
        assert record["end_reason"] in ("gateway_lost", "upstream_error", "client_gone"), record
        delivered = len([chunk for chunk in answer.chunks if any(c["delta"] for c in chunk["choices"])])
        counted = record["tokens"]
        missing.append(delivered - counted["output"])
        assert 0 < counted["input"] < 1000
        assert counted["output"] <= TOKENS
        explained = counted["input"] * INPUT_WON + counted["output"] * OUTPUT_WON
        assert micro(record["charge_krw"]) == explained, "the record says what its charge is made of"
    if cut:
        print(f"cut off: {len(cut)}; tokens delivered but not charged: {min(missing)} to {max(missing)}")
        assert max(missing) <= LOST_TOKENS_MAX
        assert max(missing) <= LOST_S_MAX * 1000 / TOKEN_MS + 64  # what was under way, and a slow machine


async def _assert_nothing_else(house: House, caller: Caller) -> None:
    """The voucher shows what the usage records sum to, and the vendor was called for each of them."""
    records = await caller.usage()
    total = sum(micro(record["charge_krw"]) for record in records)
    assert total_micro(await caller.voucher(), "spent") == total
    assert all(micro(record["uncollected_krw"]) == 0 for record in records)
    known = {call["request_id"] for call in house.vendors[0].log()}
    assert {record["request_id"] for record in records if micro(record["charge_krw"])} <= known
    assert len({record["id"] for record in records}) == len(records)


@pytest.mark.parametrize("role", ["gateway-0", "valkey", "postgres", "worker"])
async def test_a_kill_in_the_middle_of_50_streams(house: House, key: str, role: str) -> None:
    async with calling(house.url, key) as caller:
        assert (await caller.chat("warm up")).status == 200
        answers = await _strike_in_the_middle(caller, f"kill -9 {role}", lambda: house.kill(role))
        if role == "gateway-0":
            assert 0 < sum(answer.is_done for answer in answers) < STREAMS
        else:
            assert [answer.is_done for answer in answers] == [True] * STREAMS
        await _assert_guarantees(house, caller, answers)


async def test_valkey_loses_everything_in_the_middle_of_50_streams(house: House, key: str) -> None:
    """Its data set is gone, the server lives on: what was lent is frozen, and nothing is spent twice."""
    async with calling(house.url, key) as caller:
        assert (await caller.chat("warm up")).status == 200
        answers = await _strike_in_the_middle(caller, "flushall", house.empty_valkey)
        assert [answer.is_done for answer in answers] == [True] * STREAMS
        await _assert_guarantees(house, caller, answers)


@pytest.mark.parametrize("empties", [False, True], ids=["data kept", "valkey emptied"])
async def test_everything_dies_right_after_the_answers(house: House, key: str, empties: bool) -> None:
    """All gateways, the worker, Valkey and PostgreSQL, at the moment the last client has its whole answer.

    The clients do not wait for the books: what they saw completed stands in a gateway's journal at least.
    """
    async with calling(house.url, key) as caller:
        calls = [caller.chat(f"{i} [[tokens=30]] [[token_ms=1]]", stream=i % 2 == 0) for i in range(60)]
        answers = await asyncio.gather(*calls)
        if empties:
            await asyncio.to_thread(house.empty_valkey)
        for role in ("gateway-0", "gateway-1", "worker", "valkey", "postgres"):
            house.kill(role)
        assert {answer.status for answer in answers} == {200}
        again_s, refused = await _serve_again(caller, time.monotonic())
        print(f"\neverything dead: new calls work after {again_s:.2f} s ({refused} refused meanwhile)")
        await wait_posted(house, [answer.usage_id for answer in answers], timeout_s=30)
        await wait_settled(caller)
        await assert_sound(house, timeout_s=60)
        billed = {call["request_id"]: call["usage"] for call in house.vendors[0].log()}
        for answer in answers:
            record = await caller.usage_of(answer.usage_id)
            assert micro(record["charge_krw"]) == charge_micro(billed[answer.headers["X-Request-Id"]])
        await _assert_nothing_else(house, caller)


def test_the_fork_server_dies_and_no_role_with_it(house: House) -> None:
    """The next role is started as a new process, those after it are copies again."""
    others = {role: house.pids_of(role) for role in ("gateway-1", "worker", "office", "valkey")}
    [first] = house.pids_of("fork-server")
    assert psutil.Process(first).num_threads() == 1, "a copy of a process has one of its threads"
    house.kill("fork-server")
    gateway = house.kill("gateway-0")
    wait_until(lambda: _others(house, "gateway-0", gateway), timeout_s=30, said="another gateway")
    wait_until(house.is_ready, timeout_s=30, said="it serves")
    wait_until(lambda: _others(house, "fork-server", first), timeout_s=30, said="another fork server")
    assert {role: house.pids_of(role) for role in others} == others, "nobody else noticed"
    worker = house.kill("worker")
    wait_until(lambda: _others(house, "worker", worker), timeout_s=30, said="another worker")


def _others(house: House, role: str, former: int) -> bool:
    return any(pid != former for pid in house.pids_of(role))
