"""Gemini calls from request to settlement: what the client gets in either framing, what the books hear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metering.directory import Voucher
from tests.fakes.gateway_world import voucher, world
from tests.fakes.gemini_stream import chunk
from tests.fakes.gemini_vendor import ARRAY, ASK, EVENTS, LAST, MODELS, Vendor, ask, chunks_in, reason_of

LONG = {**ASK, "generationConfig": {"maxOutputTokens": 4000}}
ONE_WON = voucher(1, 0, share_ppm=1_000_000)  # pays the question and some 230 tokens of output


@pytest.mark.parametrize("path", [f"{MODELS}:generateContent", "/v1/models/x1:generateContent"])
async def test_a_plain_call_is_charged_at_the_vendors_count(path: str, tmp_path: Path) -> None:
    vendor = Vendor(LAST)
    async with world(vendor, tmp_path, dialect="gemini") as w:
        heard = await ask(w, path)
        assert heard.status == 200, heard.body
        assert heard.json == {**LAST, "modelVersion": "x1"}
        # 10 input at 1000 and 5 output, thoughts included, at 4000 won per million
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        [event] = w.events
        assert (event.charge_micro, event.status, event.end_reason) == (30_000, "settled", "completed")
        assert (event.upstream_request_id, event.meta.dialect) == ("r1", "gemini")
        assert (event.tokens["output"], event.tokens["reasoning"]) == (5, 3)
        assert w.seen == [ASK]
    assert vendor.asked == ["/v1beta/models/vendor-model:generateContent"]
    assert vendor.keys == ["vendor-key"]


@pytest.mark.parametrize("path", [EVENTS, ARRAY, EVENTS.replace("v1beta", "v1"), f"{ARRAY}?%24alt=sse"])
async def test_a_stream_ends_after_its_settlement(path: str, tmp_path: Path) -> None:
    vendor = Vendor(chunk("hel"), LAST)
    async with world(vendor, tmp_path, dialect="gemini") as w:
        heard = await ask(w, path)
        named = [{**one, "modelVersion": "x1"} for one in (chunk("hel"), LAST)]
        assert chunks_in(heard, path) == named
        assert b"voucher" not in heard.body, "no comment can stand in it"
        assert [event.charge_micro for event in w.events] == [30_000]
    assert vendor.asked == ["/v1beta/models/vendor-model:streamGenerateContent?alt=sse"]


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
async def test_the_end_waits_for_the_settlement(path: str, tmp_path: Path) -> None:
    """A client that has read the end finds the charge on its voucher: looked at when the last piece comes."""
    vendor = Vendor(chunk("hel"), LAST, pause_s=0.05)
    async with world(vendor, tmp_path, dialect="gemini") as w:
        heard = await ask(w, path, leave_after=1)
        assert b'"finishReason"' not in heard.body
        assert b'"hel"' in heard.body
        assert (w.events[0].charge_micro, w.events[0].client_gone) == (30_000, True)


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
async def test_a_stream_without_a_chunk(path: str, tmp_path: Path) -> None:
    async with world(Vendor(b": nothing\n\n"), tmp_path, dialect="gemini") as w:
        heard = await ask(w, path)
        assert (heard.status, reason_of(heard.json)) == (502, "upstream_error")
        assert [event.status for event in w.events] == ["released"]


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
async def test_a_blocked_prompt_is_charged_as_counted(path: str, tmp_path: Path) -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 10}}
    async with world(Vendor(blocked), tmp_path, dialect="gemini") as w:
        heard = await ask(w, path)
        assert chunks_in(heard, path) == [blocked]
        assert (w.events[0].charge_micro, w.events[0].end_reason) == (10_000, "completed")


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
@pytest.mark.parametrize(
    "breaks",
    [
        [],
        [{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}],
        [b'{\n  "error": {\n    "code": 503,\n    "message": "busy"\n  }\n}\n'],
    ],
)
async def test_a_vendor_that_breaks_in_mid_stream(path: str, breaks: list[Any], tmp_path: Path) -> None:
    counted = chunk("half of it", prompt=10, thoughts=40, candidates=3, total=53)
    async with world(Vendor(counted, *breaks), tmp_path, dialect="gemini") as w:
        heard = await ask(w, path)
        first, last = chunks_in(heard, path)
        assert first == {**counted, "modelVersion": "x1"}
        assert (last["error"]["code"], last["error"]["status"]) == (502, "UNAVAILABLE")
        assert reason_of(last) == "upstream_error"
        [event] = w.events
        assert (event.end_reason, event.estimated) == ("upstream_error", True)
        assert (event.tokens["input"], event.tokens["output"]) == (10, 43)  # as the vendor had counted


@pytest.mark.parametrize("path", [EVENTS, ARRAY])
async def test_the_balance_ends_in_mid_stream(path: str, tmp_path: Path) -> None:
    vendor = Vendor(*[chunk("word") for _ in range(500)], LAST, pause_s=0.001)
    async with world(vendor, tmp_path, vouchers=(ONE_WON,), dialect="gemini") as w:
        heard = await ask(w, path, LONG)
        *said, last = chunks_in(heard, path)
        assert 100 < len(said) < 250
        assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"
        assert last["modelVersion"] == "x1"
        [event] = w.events
        assert (event.end_reason, event.estimated) == ("voucher_exhausted", True)
        assert last["usageMetadata"]["candidatesTokenCount"] == event.tokens["output"] == len(said)
        assert event.charge_micro <= 1_000_000


async def test_thoughts_that_the_vendor_counts_on_the_way_end_a_balance_too(tmp_path: Path) -> None:
    thinking = [chunk("", prompt=10, thoughts=count) for count in range(20, 500, 20)]
    async with world(Vendor(*thinking, LAST), tmp_path, vouchers=(ONE_WON,), dialect="gemini") as w:
        heard = await ask(w, EVENTS, LONG)
        assert chunks_in(heard, EVENTS)[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
        assert w.events[0].end_reason == "voucher_exhausted"
        assert 150 < w.events[0].tokens["output"] < 250


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = Vendor(chunk("hel"), LAST)
    async with world(vendor, tmp_path, vouchers=(ONE_WON,), dialect="gemini") as w:
        heard = await ask(w, f"{MODELS}:generateContent", LONG)
        assert heard.status == 200, heard.body
        assert heard.json["candidates"][0]["content"] == {"role": "model", "parts": [{"text": "hello"}]}
        assert heard.json["modelVersion"] == "x1"
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
    assert vendor.asked == ["/v1beta/models/vendor-model:streamGenerateContent?alt=sse"]


async def test_an_answer_put_together_ends_by_length_where_the_money_does(tmp_path: Path) -> None:
    vendor = Vendor(*[chunk("word") for _ in range(500)], LAST, pause_s=0.001)
    async with world(vendor, tmp_path, vouchers=(ONE_WON,), dialect="gemini") as w:
        heard = await ask(w, f"{MODELS}:generateContent", LONG)
        assert heard.json["candidates"][0]["finishReason"] == "MAX_TOKENS"
        assert w.events[0].end_reason == "voucher_exhausted"


@pytest.mark.parametrize("paying", [voucher(), voucher(0, 0)])
async def test_counting_costs_nothing_and_needs_no_money(paying: Voucher, tmp_path: Path) -> None:
    vendor = Vendor({"totalTokens": 61})
    async with world(vendor, tmp_path, vouchers=(paying,), dialect="gemini") as w:
        heard = await ask(w, f"{MODELS}:countTokens")
        assert (heard.status, heard.json) == (200, {"totalTokens": 61})
        assert [(event.status, event.charge_micro) for event in w.events] == [("released", 0)]
    assert vendor.asked == ["/v1beta/models/vendor-model:countTokens"]


async def test_embeddings_with_and_without_a_count(tmp_path: Path) -> None:
    one = {"content": {"parts": [{"text": "hi"}]}}
    told = {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 10}}
    async with world(Vendor(told), tmp_path / "a", dialect="gemini") as w:
        heard = await ask(w, f"{MODELS}:embedContent", one)
        assert (heard.json, w.events[0].charge_micro, w.events[0].estimated) == (told, 10_000, False)
    silent = {"embeddings": [{"values": [0.5]}]}
    async with world(Vendor(silent), tmp_path / "b", dialect="gemini") as w:
        heard = await ask(w, f"{MODELS}:batchEmbedContents", {"requests": [one]})
        assert (heard.status, heard.json) == (200, silent)
        assert w.events[0].estimated
        assert w.seen == [{"requests": [{**one, "model": "models/vendor-model"}]}]


async def test_a_key_repeats_its_own_framing_only(tmp_path: Path) -> None:
    vendor = Vendor(chunk("hel"), LAST)
    named = {"idempotency-key": "k1"}
    async with world(vendor, tmp_path, dialect="gemini") as w:
        first = await ask(w, EVENTS, headers=named)
        again = await ask(w, EVENTS, headers=named)
        assert (again.body, len(w.events)) == (first.body, 1)
        listed = await ask(w, ARRAY, headers=named)
        assert chunks_in(listed, ARRAY) == chunks_in(first, EVENTS)
        assert len(w.events) == 2
