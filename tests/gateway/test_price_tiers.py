"""Calls of a product with several price sheets: which is held for, which is charged, which is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from gateway.background_end import Followed
from metering.prices import Condition, Dollars, PriceEntry
from metering.usage import Usage
from providers.dialect import Answer
from tests.fakes.call_meta import call_meta
from tests.fakes.gateway_world import Vendor, answer, chunk, price, world

BASE = price(input=1000, output=4000)
MESSAGES = [{"role": "user", "content": "hi"}]
ASK = {"model": "x1", "messages": MESSAGES, "max_tokens": 100}
USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}


def tier(name: str, when: Condition, *, input: int, output: int) -> PriceEntry:
    made = price(input=input, output=output)
    return replace(made, entry_id=f"{BASE.entry_id}#{name}", when=when)


PRICES = replace(
    BASE,
    tiers=(
        tier("flex", Condition(service_tier="flex"), input=500, output=2000),
        tier("over-20", Condition(20), input=2000, output=6000),
        tier("priority", Condition(service_tier="priority"), input=2000, output=8000),
    ),
    other_models=(replace(price(input=5000, output=20000), entry_id="x", model="adviser-1"),),
)


def saying(**said: Any) -> Vendor:
    async def vendor(request: web.Request) -> web.Response:
        return web.json_response(answer(**said))

    return vendor


def streaming(**said: Any) -> Vendor:
    async def vendor(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        last = chunk(usage=USAGE)
        for name, value in said.items():
            last = last.replace(b'"object"', f'"{name}":"{value}","object"'.encode())
        for part in (chunk("he"), chunk("llo"), chunk(finish="stop"), last, b"data: [DONE]\n\n"):
            await response.write(part)
        return response

    return vendor


# fmt: off
SERVED = [
    # asked for, what the vendor says -> sheet, micro-won of 10 in and 5 out
    (None, {}, "", 30_000),
    (None, {"service_tier": "default"}, "", 30_000),
    (None, {"service_tier": "priority"}, "#priority", 60_000),
    ("auto", {"service_tier": "flex"}, "#flex", 15_000),
    ("flex", {}, "#flex", 15_000),
    ("flex", {"service_tier": "flex"}, "#flex", 15_000),
    ("flex", {"service_tier": "default"}, "", 30_000),
    ("default", {}, "", 30_000),
    ("priority", {"service_tier": None}, "#priority", 60_000),
    (None, {"prompt_tokens": 21}, "#over-20", 72_000),
    (None, {"service_tier": {"a": ["priority"]}}, "", 30_000),
]
# fmt: on


@pytest.mark.parametrize(("asked", "said", "name", "charge"), SERVED)
async def test_a_call_is_charged_as_it_was_served(
    asked: str | None, said: dict[str, Any], name: str, charge: int, tmp_path: Path
) -> None:
    async with world(saying(**said), tmp_path, prices=(PRICES,)) as w:
        body = ASK if asked is None else {**ASK, "service_tier": asked}
        heard = await w.client.call("POST", "/v1/chat/completions", body)
        assert (heard.status, w.seen[0].get("service_tier")) == (200, asked)
        [event] = w.events
        assert (event.meta.price_entry, event.charge_micro) == (BASE.entry_id + name, charge)
        assert (event.estimated, event.meta.price_from) == (False, BASE.valid_from)


async def test_a_stream_is_charged_as_its_last_word_has_it(tmp_path: Path) -> None:
    async with world(streaming(service_tier="priority"), tmp_path, prices=(PRICES,)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "stream": True})
        assert ": voucher charge_krw=0.036" in heard.frames[-2]
        assert w.events[0].meta.price_entry.endswith("#priority")


async def test_where_no_tier_has_a_price_of_its_own_each_is_served_at_the_one_there_is(
    tmp_path: Path,
) -> None:
    async with world(saying(service_tier="scale"), tmp_path, prices=(BASE,)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "service_tier": "scale"})
        assert (heard.status, w.seen[0]["service_tier"]) == (200, "scale")
        assert w.events[0].meta.price_entry == BASE.entry_id


async def test_a_tier_without_a_price_is_refused_by_name_where_others_have_one(tmp_path: Path) -> None:
    batches = tier("batch.scale", Condition(service_tier="scale", batch=True), input=1, output=1)
    prices = replace(PRICES, tiers=(*PRICES.tiers, batches))  # which no single call ends on
    async with world(saying(), tmp_path, prices=(prices,)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "service_tier": "scale"})
        error = heard.json["error"]
        assert (heard.status, error["code"], error["param"]) == (400, "invalid_request", "service_tier")
        assert "'scale'" in error["message"]
        assert "flex, priority" in error["message"]
        heard = await w.client.call(
            "POST",
            "/v1/chat/completions",
            {**ASK, "service_tier": "scale"},
            headers={"accept-language": "ko"},
        )
        assert "서비스 등급" in heard.json["error"]["message"]
        for value in (7, ["flex"], "f" * 41):
            heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "service_tier": value})
            assert (heard.status, heard.json["error"]["param"]) == (400, "service_tier")
        assert w.seen == []


@pytest.mark.parametrize(
    ("more", "output_won"),
    [
        ({}, 8000),
        ({"service_tier": "auto"}, 8000),
        ({"service_tier": "flex"}, 6000),
        ({"service_tier": "default"}, 6000),
        ({"service_tier": "default", "web_search_options": {}}, 20000),
    ],
)
async def test_the_hold_is_for_the_dearest_sheet_that_may_come(
    more: dict[str, Any], output_won: int, tmp_path: Path
) -> None:
    """A body above 20 bytes may be above 20 tokens. The adviser may only come where the vendor has tools."""
    async with world(saying(), tmp_path, prices=(PRICES,)) as w:
        heard = await w.client.call("POST", "/v1/estimate", {**ASK, **more})
        tokens = heard.json["input_tokens_max"]
        input_won = 5000 if output_won == 20000 else 2000
        charge = float(heard.json["charge_krw_max"]) * 1e6
        assert round(charge) == tokens * input_won + 100 * output_won


async def test_other_models_turns_are_charged_by_their_list(tmp_path: Path) -> None:
    usage = {
        "input_tokens": 10, "output_tokens": 5, "service_tier": "standard",
        "iterations": [
            {"type": "message", "input_tokens": 10, "output_tokens": 5},
            {"type": "advisor_message", "model": "adviser-1", "input_tokens": 7, "output_tokens": 3},
        ],
    }  # fmt: skip
    said = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}], "usage": usage,
    }  # fmt: skip

    async def vendor(request: web.Request) -> web.Response:
        return web.json_response(said)

    ask = {"model": "x1", "max_tokens": 100, "messages": MESSAGES}
    async with world(vendor, tmp_path, dialect="anthropic", prices=(PRICES,)) as w:
        heard = await w.client.call("POST", "/v1/messages", ask)
        assert heard.status == 200, heard.body
        [event] = w.events
        assert event.charge_micro == 10 * 1000 + 5 * 4000 + 7 * 5000 + 3 * 20000
        assert event.units == {"adviser_1_input": 7, "adviser_1_output": 3}
        assert (event.tokens["input"], event.estimated) == (10, False)
    async with world(vendor, tmp_path / "unlisted", dialect="anthropic", prices=(BASE,)) as w:
        await w.client.call("POST", "/v1/messages", ask)
        [event] = w.events
        assert (event.charge_micro, event.estimated) == (10 * 1000 + 5 * 4000, False)
        assert (event.tokens["input"], event.units) == (10, {"adviser_1_input": 7, "adviser_1_output": 3})


def test_what_an_end_in_the_background_is_booked_by_holds_all_sheets() -> None:
    """It is kept in the books as text, perhaps for hours, and perhaps read by another gateway."""
    meta = msgspec.structs.replace(call_meta("op"), input_tokens=30, price_entry=BASE.entry_id)
    followed = Followed(
        meta=meta, n=1, voucher="v1", held_at_ms=1, price=PRICES, upstream=None, upstream_id=None,
        begun_ms=1, delivered=4, service_tier="flex",
    )  # fmt: skip
    again = Followed.from_text(followed.to_text())
    assert again == followed
    said = Usage(input=10, output=5)
    ends = [(None, "#flex", 15_000), ("default", "", 30_000), ("priority", "#priority", 60_000)]
    for tier, name, charge in ends:
        answered = Answer(usage=msgspec.structs.replace(said, service_tier=tier), body=b"")
        end = again.end(answered, now_ms=2)
        assert (end.meta.price_entry, end.charge_micro) == (BASE.entry_id + name, charge)
    assert again.floor_micro(10**9) == 30 * 500 + 4 * 2000, "the cheapest that may still come"


async def test_a_product_s_prices_are_shown_with_all_their_sheets(tmp_path: Path) -> None:
    prices = replace(PRICES, dollars=Dollars("1400", "2026-01-02"), declared_usd={"input": "0.714286"})
    async with world(saying(), tmp_path, prices=(prices,)) as w:
        heard = await w.client.call("GET", "/v1/models")
        shown = heard.json["data"][0]["prices"]
    assert (shown["currency"], shown["krw_per_usd"], shown["rate_on"]) == ("USD", "1400", "2026-01-02")
    assert (shown["input"], shown["declared_usd"]) == ("1000", {"input": "0.714286"})
    flex, over, _ = shown["tiers"]
    assert (flex["service_tier"], flex["output"], "batch" in flex) == ("flex", "2000", False)
    assert (over["input_tokens_over"], over["input"]) == (20, "2000")
    assert shown["other_models"]["adviser-1"]["output"] == "20000"
    async with world(saying(), tmp_path / "plain") as w:
        shown = (await w.client.call("GET", "/v1/models")).json["data"][0]["prices"]
    assert {"tiers", "other_models", "currency", "declared_usd"}.isdisjoint(shown)
