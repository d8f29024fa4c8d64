"""Responses that begin where no hold stands, the names we use, and the limit that bounds what is held."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from prometheus_client import CollectorRegistry

from gateway import admission
from gateway.auth import Caller
from gateway.calls import Admitted
from gateway.problems import Problem
from gateway.realtime_ends import End
from gateway.realtime_money import Money
from gateway.realtime_unheld import UnheldResponses
from gateway.telemetry import CallRecord, Telemetry
from metering.directory import Company
from metering.usage import Usage
from providers.dialects import CHAT
from providers.facts import RequestFacts
from tests.fakes.gateway_world import KEY, NOW_MS, api_key, price, product, voucher
from tests.fakes.realtime_client import house
from tests.fakes.realtime_vendor import Event, Vendor, usage

# Money for one response (1.2 won), and 0.8 won beside it.
SCARCE: Final[dict[str, Any]] = {
    "vouchers": (voucher(government_krw=1, self_krw=1, share_ppm=500_000),),
    "context_tokens": 100,
    "max_output_tokens": 50,
    "prices": (price(input=4000, output=16_000),),
}


class Two:
    """A vendor that begins two responses where one was asked for, and goes on with both."""

    def __init__(self, *, reported: Event | None) -> None:
        self.reported = reported  # of the second
        self.cancelled: list[str] = []
        self.begun = asyncio.Event()

    async def __call__(self, vendor: Vendor, event: Event) -> bool:
        if event["type"] == "response.cancel":
            self.cancelled.append(event["response_id"])
            if event["response_id"] == "resp_1":
                await vendor.finish("resp_1", usage(10, text=5), status="cancelled")
            elif self.reported is not None:
                await vendor.finish("resp_2", self.reported, status="cancelled")
        if event["type"] == "response.create":
            for _ in range(2):
                name = await vendor.begin()
                await vendor.say("response.output_text.delta", response_id=name, delta=f"of {name}")
            await vendor.say("response.output_text.delta", response_id="resp_1", delta="heard")
        return True


async def test_one_that_was_never_announced_is_paid_from_its_first_piece(tmp_path: Path) -> None:
    """Its end may never be told either: then what was delivered is charged."""

    async def speak(vendor: Vendor, event: Event) -> bool:
        if event["type"] == "response.cancel":
            return True
        await vendor.socket.send_str("{")  # nobody can say what that costs: it is not passed on
        for name, count in (("resp_8", 40), ("resp_9", 80)):
            await vendor.say("response.output_text.delta", response_id=name, delta="x" * count)
        await vendor.finish("resp_8", usage(10, text=5))
        return True

    async with house(Vendor(on_event=speak), tmp_path) as h, h.talk() as talk:
        await talk.say("response.create")
        assert (await talk.hear())["type"] == "session.created"
        await talk.until("response.done")
        await talk.connection.close()
        await h.settled(2)
        counts = sorted((event.tokens["output"], event.estimated) for event in h.charged)
        assert counts == [(5, False), (20, True)]


async def test_one_without_a_hold_is_cancelled_and_recorded_and_the_other_goes_on(tmp_path: Path) -> None:
    vendor = Vendor(on_event=(two := Two(reported=usage(text_in=3, text=4))))
    async with house(vendor, tmp_path, **SCARCE) as h, h.talk() as talk:
        await talk.say("response.create")
        heard: list[Event] = []
        async with asyncio.timeout(1):  # nobody waits for money where the vendor is listened to
            while not heard or heard[-1].get("delta") != "heard":
                heard.append(await talk.hear())
        assert [event["type"] for event in heard] == [
            "session.created",
            "response.created",
            "response.output_text.delta",
            "error",
            "response.output_text.delta",
        ]
        assert heard[3]["error"]["code"] == "funds_held"
        async with asyncio.timeout(5):
            while not h.charged:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
        assert two.cancelled == ["resp_2"]
        [second] = h.charged
        assert (second.tokens["input"], second.tokens["output"], second.estimated) == (3, 4, False)
        assert (second.charge_micro, second.upstream_request_id) == (3 * 4000 + 4 * 16_000, "resp_2")
        await vendor.finish("resp_1", usage(text_in=10, text=5))
        assert (await talk.until("response.done"))["response"]["id"] == "resp_1"
        await talk.connection.close()
        await h.settled(2)
        assert (await h.world.voucher())["government"]["held_krw"] == "0"


async def test_one_that_tells_no_usage_is_an_estimate(tmp_path: Path) -> None:
    vendor = Vendor(on_event=(two := Two(reported=None)))
    async with house(vendor, tmp_path, **SCARCE) as h:
        async with h.talk() as talk:
            await talk.say("response.create")
            await talk.until("error")
        async with asyncio.timeout(5):
            while "resp_2" not in two.cancelled:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
        await vendor.leave()
        await h.settled(2)
        second = next(event for event in h.charged if event.upstream_request_id == "resp_2")
        assert (second.tokens["output"], second.estimated) == (len("of resp_2") // 4, True)


async def test_what_the_balance_cannot_pay_of_it_is_charged_all_the_same(tmp_path: Path) -> None:
    vendor = Vendor(on_event=Two(reported=usage(text_in=100, text=50)))
    async with house(vendor, tmp_path, **SCARCE) as h, h.talk() as talk:
        await talk.say("response.create")
        await talk.until("error")
        async with asyncio.timeout(5):
            while not h.charged:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
        assert h.charged[0].charge_micro == 1_200_000, "the books take 0.8 won, the rest is uncollected"
        await talk.connection.close()
        await h.settled(2)


async def test_a_vendor_that_begins_without_end_is_cut_off(tmp_path: Path) -> None:
    async def many(vendor: Vendor, event: Event) -> bool:
        for _ in range(12) if event["type"] == "response.create" else ():
            await vendor.begin()
        return True

    async with house(Vendor(on_event=many), tmp_path, **SCARCE) as h, h.talk() as talk:
        await talk.say("response.create")
        rest, code, reason = await talk.end()
        assert (rest[-1]["error"]["code"], code, reason) == ("upstream_error", 1011, "upstream_error")
        await h.settled(0)


class NoBooks:
    """gateway.calls.Calls, where nothing can be held for so long that nobody waits any more."""

    async def hold(self, *_: Any, **__: Any) -> Any:
        raise Problem("meter_unavailable")


async def test_one_for_which_the_books_have_no_place_is_told_and_counted() -> None:
    """Its vendor bills it: somebody has to look."""
    registry, lines = CollectorRegistry(), list[bytes]()
    facts = RequestFacts(purpose="chat", model="x1", body_bytes=0)
    offered = product("http://vendor.example", prices=(price(input=1000, output=4000),))
    ceiling = admission.ceiling(facts, offered, NOW_MS, operation=CHAT.operation)
    caller = Caller(api_key(), Company("gaonde", None), b"")
    nobody: Any = NoBooks()
    money = Money(
        calls=nobody,
        meter=nobody,
        telemetry=Telemetry(registry, lines.append),
        admit=lambda: Admitted(CHAT, caller, facts, offered, ceiling, ()),
        record=CallRecord(request_id="r1", route="/v1/realtime", started_s=0.0, product="x1"),
        tag=None,
        now_ms=lambda: NOW_MS,
    )
    where = ("voucher_responses_unbooked_total", {"product": "x1"})
    assert registry.get_sample_value(*where) == 0, "a series that begins at its first event hides that one"
    cancelled = list[str]()

    async def cancel(name: str) -> None:
        cancelled.append(name)

    unheld = UnheldResponses(money, cancel=cancel, changed=lambda: None, record_s=0.0)
    unheld.begin("resp_1", (1, 0), is_over=False)
    unheld.finish("resp_1", Usage(input=1, output=1), "completed", None)
    await unheld.settle_rest(End(1000, "closed"))
    assert cancelled == ["resp_1"]
    [line] = map(orjson.loads, lines)
    assert (line["request_id"], line["code"], line["charge_micro"]) == ("r1", "meter_unavailable", None)
    assert registry.get_sample_value(*where) == 1


# -- names


async def test_the_names_we_use_towards_the_vendor_are_never_shown(tmp_path: Path) -> None:
    async def refuse(vendor: Vendor, event: Event) -> bool:
        for _ in range(2):  # the second comes where nothing is asked for any more
            error = {"message": f"{event['event_id']} is refused", "event_id": event["event_id"]}
            await vendor.say("error", error=error, again=event["event_id"])
        return True

    vendor = Vendor(on_event=refuse)
    async with house(vendor, tmp_path) as h, h.talk() as talk:
        await talk.say("session.update", session={"tracing": "auto"})  # refused by us, under a name of ours
        await talk.say("response.create", event_id="mine")
        await talk.say("response.create")
        heard = [await talk.hear() for _ in range(6)]
        assert [event["error"]["event_id"] for event in heard[1:]] == [None, "mine", "mine", None, None]
        shown = orjson.dumps(heard).decode()
        ours = [event["event_id"] for event in (*vendor.heard, *vendor.limits)]
        assert len(ours) == 3
        for name in ours:
            assert len(name) >= 32
            assert not any(name[at : at + 8] in shown for at in range(len(name) - 8))


# -- the limit


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, {"type": "realtime", "max_output_tokens": 50}),
        ({"OpenAI-Beta": "realtime=v1"}, {"max_response_output_tokens": 50}),
    ],
)
async def test_a_session_has_the_products_limit_before_anything_is_said(
    tmp_path: Path, headers: dict[str, str], said: Event
) -> None:
    vendor = Vendor([usage()])
    async with house(vendor, tmp_path, max_output_tokens=50) as h:
        key = {"Authorization": f"Bearer {KEY}"}
        async with h.talk(additional_headers={**key, **headers}) as talk:
            await talk.say("session.update", session={"type": "realtime", "instructions": "be brief"})
            kinds = [(await talk.hear())["type"] for _ in range(2)]
            assert kinds == ["session.created", "session.updated"], "one answer, to the client's own"
            await talk.say("response.create")
            assert (await talk.hear())["type"] == "response.created"
    assert [event["session"] for event in vendor.limits] == [said]
