"""Chat calls from request to settlement: what the client gets, what the purse holds, what the books hear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from metering.directory import Company, KeyLimits
from tests.fakes.gateway_world import answer, api_key, chunk, voucher, world

ASK = {"model": "x1", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**ASK, "stream": True}


async def plain(request: web.Request) -> web.Response:
    return web.json_response(answer(), headers={"x-request-id": "vendor-1"})


def streamed(*parts: bytes, pause_s: float = 0.0):  # type: ignore[no-untyped-def]
    async def vendor(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
            await asyncio.sleep(pause_s)
        return response

    return vendor


DONE = b"data: [DONE]\n\n"
USAGE = chunk(usage={"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12})


async def test_a_plain_call_is_charged_at_the_vendors_count(tmp_path: Path) -> None:
    async with world(plain, tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert heard.status == 200, heard.body
        assert heard.json["model"] == "x1"
        # 10 input at 1000 and 5 output at 4000 won per million: 0.01 + 0.02 won
        assert heard.headers["x-voucher-charge-krw"] == "0.03"
        assert heard.headers["x-voucher-available-krw"] == "9999999.97"
        assert heard.headers["x-voucher-usage-id"] == "op1"
        [event] = w.events
        assert (event.charge_micro, event.status, event.end_reason) == (30_000, "settled", "completed")
        assert event.upstream_request_id == "vendor-1"
        assert w.seen == [{**ASK, "model": "vendor-model"}]
        shown = await w.voucher()
        assert shown["government"] == {
            "granted_krw": "7500000",
            "spent_krw": "0.0225",
            "held_krw": "0",
            "available_krw": "7499999.9775",
            "returned_krw": "0",
        }
        assert shown["self"]["spent_krw"] == "0.0075"


async def test_a_stream_ends_after_its_settlement(tmp_path: Path) -> None:
    vendor = streamed(chunk("he"), chunk("llo"), chunk(finish="stop"), USAGE, DONE)
    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", STREAM)
        assert heard.headers["content-type"].startswith("text/event-stream")
        assert '"model":"x1"' in heard.frames[0]
        assert heard.frames[-2] == ": voucher charge_krw=0.018 available_krw=9999999.982"
        assert heard.frames[-1] == "data: [DONE]"
        assert not any('"usage":{' in frame for frame in heard.frames), "the client did not ask for usage"
        assert w.seen[0]["stream_options"] == {"include_usage": True}
        assert w.events[0].charge_micro == 18_000


async def test_a_client_that_leaves_is_charged_all_the_same(tmp_path: Path) -> None:
    vendor = streamed(chunk("a"), chunk("b"), chunk(finish="stop"), USAGE, DONE, pause_s=0.02)
    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", "/v1/chat/completions", STREAM, leave_after=1)
        [event] = w.events
        assert (event.charge_micro, event.client_gone, event.end_reason) == (18_000, True, "completed")


async def test_a_product_may_cancel_the_vendor_when_the_client_leaves(tmp_path: Path) -> None:
    vendor = streamed(*[chunk("word") for _ in range(200)], DONE, pause_s=0.02)
    async with world(vendor, tmp_path, on_client_gone="cancel") as w:
        async with asyncio.timeout(2):
            await w.client.call("POST", "/v1/chat/completions", STREAM, leave_after=2)
        [event] = w.events
        assert (event.client_gone, event.end_reason, event.estimated) == (True, "client_gone", True)
        assert 2 <= event.tokens["output"] <= 20


async def test_no_usage_is_an_estimate_not_a_gift(tmp_path: Path) -> None:
    vendor = streamed(chunk("one"), chunk("two"), chunk(finish="stop"), DONE)
    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", STREAM)
        assert heard.frames[-1] == "data: [DONE]"
        assert (w.events[0].estimated, w.events[0].tokens["output"]) == (True, 2)


async def test_a_vendor_that_breaks_in_mid_stream(tmp_path: Path) -> None:
    vendor = streamed(chunk("one"), chunk("two"))
    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", STREAM)
        assert '"code":"upstream_error"' in heard.frames[-1]
        assert "data: [DONE]" not in heard.frames
        assert (w.events[0].end_reason, w.events[0].estimated) == ("upstream_error", True)


@pytest.mark.parametrize(
    ("vendor_status", "status", "code"),
    [
        (400, 400, "upstream_rejected"),
        (404, 400, "upstream_rejected"),
        (401, 502, "upstream_error"),
        (403, 502, "upstream_error"),
        (429, 429, "upstream_rate_limited"),
        (500, 502, "upstream_error"),
        (503, 502, "upstream_error"),
    ],
)
async def test_a_vendors_no_costs_nothing(tmp_path: Path, vendor_status: int, status: int, code: str) -> None:
    async def refuses(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no such thing"}}, status=vendor_status)

    async with world(refuses, tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (status, code)
        [event] = w.events
        assert (event.status, event.charge_micro) == ("released", 0)
        shown = await w.voucher()
        assert (shown["government"]["held_krw"], shown["government"]["spent_krw"]) == ("0", "0")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_request"),
        ({"model": "x1"}, {}, 400, "invalid_request"),
        ({**ASK, "model": "nothing"}, {}, 404, "model_not_found"),
        (ASK, {"authorization": "Bearer vg_wrong"}, 401, "invalid_api_key"),
        (ASK, {"authorization": ""}, 401, "invalid_api_key"),
        (ASK, {"x-api-key": "another"}, 401, "invalid_api_key"),
        (ASK, {"x-voucher-tag": "t" * 65}, 400, "invalid_request"),
        (b"x" * (1 << 20) + b"x", {}, 413, "request_too_large"),
    ],
)
async def test_refusals_before_the_call(
    tmp_path: Path, body: object, headers: dict[str, str], status: int, code: str
) -> None:
    async with world(plain, tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", body, headers=headers)
        assert (heard.status, heard.code) == (status, code)
        assert heard.headers["x-should-retry"] == "false"
        assert not w.seen
        assert not w.events


async def test_what_can_be_read_but_not_written_costs_nothing(tmp_path: Path) -> None:
    deep = b'{"model":"x1","messages":[{"role":"user","content":"hi"}],"x":' + b"[" * 300 + b"]" * 300 + b"}"
    async with world(plain, tmp_path) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", deep)
        assert (heard.status, heard.code) == (400, "invalid_request")
        assert "too deeply" in heard.json["error"]["message"]
        assert not w.seen
        [event] = w.events
        assert (event.status, event.end_reason, event.charge_micro) == ("released", "refused", 0)


async def test_an_empty_voucher_is_402(tmp_path: Path) -> None:
    async with world(plain, tmp_path, vouchers=(voucher(0, 0),)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (402, "voucher_exhausted")


async def test_a_missing_deposit_is_said_so(tmp_path: Path) -> None:
    mine = voucher(1000, 0, stopped_by="self")
    async with world(plain, tmp_path, vouchers=(mine,)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (402, "self_deposit_exhausted")


async def test_data_that_may_not_leave_the_country(tmp_path: Path) -> None:
    company = Company("gaonde", frozenset({"KR"}))
    async with world(plain, tmp_path, company=company, data_location="US") as w:
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.code) == (403, "data_location_refused")


async def test_limits_of_a_key(tmp_path: Path) -> None:
    key = api_key(limits=KeyLimits(requests_per_minute=2))
    async with world(plain, tmp_path, key=key) as w:
        statuses = [(await w.client.call("POST", "/v1/chat/completions", ASK)).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.code, heard.headers["retry-after"]) == ("rate_limited", "60")
        w.clock_ms[0] += 60_000
        assert (await w.client.call("POST", "/v1/chat/completions", ASK)).status == 200


async def test_the_same_key_is_one_charge(tmp_path: Path) -> None:
    async with world(plain, tmp_path) as w:
        once = {"idempotency-key": "order-7"}
        first = await w.client.call("POST", "/v1/chat/completions", ASK, headers=once)
        again = await w.client.call("POST", "/v1/chat/completions", ASK, headers=once)
        assert (again.status, again.body) == (200, first.body)
        assert again.headers["x-voucher-usage-id"] == first.headers["x-voucher-usage-id"]
        assert len(w.events) == 1
        other = await w.client.call("POST", "/v1/chat/completions", {**ASK, "seed": 1}, headers=once)
        assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_a_balance_that_ends_in_mid_stream(tmp_path: Path) -> None:
    """The output limit is far above what the balance pays: the stream ends gracefully, never overspent."""
    vendor = streamed(*[chunk("word") for _ in range(300)], chunk(finish="stop"), DONE, pause_s=0.0005)
    small = voucher(1, 0, share_ppm=1_000_000)  # one won: 70 input bytes and some 230 output tokens
    async with world(vendor, tmp_path, vouchers=(small,)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", {**STREAM, "max_tokens": 4000})
        assert heard.status == 200
        assert heard.frames[-1] == "data: [DONE]"
        assert heard.frames[-2].endswith("ended=voucher_exhausted")
        assert '"finish_reason":"length"' in heard.frames[-3]
        [event] = w.events
        assert event.end_reason == "voucher_exhausted"
        assert 150 <= event.tokens["output"] <= 240
        assert event.charge_micro <= 1_000_000


async def test_where_money_is_scarce_an_answer_is_put_together_from_a_stream(tmp_path: Path) -> None:
    vendor = streamed(chunk("he"), chunk("llo"), chunk(finish="stop"), USAGE, DONE)
    async with world(vendor, tmp_path, vouchers=(voucher(1, 0, share_ppm=1_000_000),)) as w:
        heard = await w.client.call("POST", "/v1/chat/completions", {**ASK, "max_tokens": 4000})
        assert heard.status == 200
        assert heard.json["choices"][0]["message"]["content"] == "hello"
        assert heard.json["object"] == "chat.completion"
        assert w.seen[0]["stream"] is True
        assert heard.headers["x-voucher-charge-krw"] == "0.018"


async def test_a_stream_cut_by_a_stopping_gateway_is_settled_as_delivered(tmp_path: Path) -> None:
    vendor = streamed(*[chunk("word") for _ in range(500)], DONE, pause_s=0.01)
    async with world(vendor, tmp_path) as w:
        task = asyncio.ensure_future(w.client.call("POST", "/v1/chat/completions", STREAM))
        await asyncio.sleep(0.2)
        task.cancel()
        heard, [event] = await task, w.events
        assert '"code":"meter_unavailable"' in heard.frames[-1]
        assert event.op in heard.frames[-1], "where to read what it cost"
        assert (event.end_reason, event.estimated) == ("gateway_lost", True)
        assert event.tokens["output"] == len(heard.frames) - 1
