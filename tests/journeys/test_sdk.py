"""The official `openai` package, only its base URL and key changed; then the books against the vendor's log.

The last test compares what all the others did: government, self, ledger and `GET /v1/voucher` with what the
vendors say they billed, to the micro-won.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.fakes.house import House, Vendor
from tests.journeys.books import assert_agrees, charge_micro, wait_for, wait_settled
from tests.journeys.caller import Caller, calling, micro
from tests.journeys.declarations import (
    EMBED_WON,
    INPUT_WON,
    api_key,
    chat_product,
    company,
    declaration,
    embed_product,
    key_text,
    upstream,
    voucher,
)

KEY = key_text("gaonde")
SAY_HELLO: Any = [{"role": "user", "content": "안녕하세요, 바우처는 무엇인가요?"}]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def _declaration(plain: Vendor, tripled: Vendor) -> Any:
    here = upstream(plain.base_url)
    return declaration(
        products=[
            chat_product("nuri-x1", here),
            chat_product("nuri-tripled", upstream(tripled.base_url)),
            embed_product("nuri-embed", here),
        ],
        companies=[company("gaonde"), company("empty"), company("selfless")],
        vouchers=[
            voucher("gaonde"),
            voucher("empty", government="0.000075", own="10"),
            voucher("selfless", government="10", own="0.000025"),
        ],
        api_keys=[
            api_key("gaonde"),
            api_key("gaonde", "narrow", products=["nuri-embed"]),
            api_key("gaonde", "once", limits={"requests_per_minute": 1}),
            api_key("gaonde", "alone", limits={"concurrent": 1}),
            api_key("gaonde", "poor", limits={"krw_per_day": "0.000001"}),
            api_key("empty"),
            api_key("selfless"),
        ],
    )


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(workers=2) as made:
        plain, tripled = made.vendor(), made.vendor("--count-factor", "3")
        made.up(_declaration(plain, tripled))
        yield made
        assert made.down() == 0


def sdk(house: House, key: str = KEY, *, retries: int = 0) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{house.url}/v1", api_key=key, max_retries=retries)


async def test_chat_not_streamed(house: House) -> None:
    async with sdk(house) as client, calling(house.url, KEY) as caller:
        raw = await client.chat.completions.with_raw_response.create(model="nuri-x1", messages=SAY_HELLO)
        answer = raw.parse()
        assert answer.model == "nuri-x1"
        assert answer.choices[0].message.content
        assert answer.usage is not None
        charge = charge_micro(answer.usage.model_dump())
        assert micro(raw.headers["x-voucher-charge-krw"]) == charge
        assert micro(raw.headers["x-voucher-available-krw"]) > 0
        record = await caller.usage_of(raw.headers["x-voucher-usage-id"])
        assert raw.headers["x-request-id"] == record["request_id"]
        assert (record["status"], record["end_reason"], record["estimated"]) == (
            "settled",
            "completed",
            False,
        )
        assert (record["product"], record["provider"], record["api_key"]) == ("nuri-x1", "nuri", "backend")
        assert micro(record["charge_krw"]) == charge


@pytest.mark.parametrize("asks_for_usage", [True, False])
async def test_chat_streamed(house: House, asks_for_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asks_for_usage else {}
    async with sdk(house) as client:
        stream = await client.chat.completions.create(
            model="nuri-x1", messages=SAY_HELLO, stream=True, **options
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text
    assert {chunk.model for chunk in chunks} == {"nuri-x1"}
    usages = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert len(usages) == (1 if asks_for_usage else 0)
    assert [chunk for chunk in chunks if not chunk.choices and chunk.usage is None] == []


async def test_a_streamed_charge_stands_before_the_terminal_frame(house: House) -> None:
    async with calling(house.url, KEY) as caller:
        answer = await caller.chat("hello [[tokens=30]]", stream=True, stream_options={"include_usage": True})
        assert answer.is_done
        (usage,) = [chunk["usage"] for chunk in answer.chunks if chunk.get("usage")]
        assert usage["completion_tokens"] == 30
        assert micro(answer.comment["charge_krw"]) == charge_micro(usage)
        assert micro(answer.comment["available_krw"]) > 0
        assert answer.finish_reasons == ["stop"]


async def test_a_tool_is_called_and_its_result_goes_in(house: House) -> None:
    messages: Any = [{"role": "user", "content": "Use get_weather for Seoul"}]
    async with sdk(house) as client:
        first = await client.chat.completions.create(model="nuri-x1", messages=messages, tools=[WEATHER])
        (call,) = first.choices[0].message.tool_calls or []
        assert call.type == "function"
        assert (call.function.name, first.choices[0].finish_reason) == ("get_weather", "tool_calls")
        messages += [
            first.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 7}'},
        ]
        second = await client.chat.completions.create(model="nuri-x1", messages=messages, tools=[WEATHER])
        assert second.choices[0].message.content
        streamed = await client.chat.completions.create(
            model="nuri-x1", messages=messages[:1], tools=[WEATHER], stream=True
        )
        names = [
            part.function.name
            async for chunk in streamed
            for choice in chunk.choices
            for part in choice.delta.tool_calls or []
            if part.function is not None and part.function.name
        ]
        assert names == ["get_weather"]


async def test_an_image_goes_in(house: House) -> None:
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]
    async with sdk(house) as client:
        answer = await client.chat.completions.create(
            model="nuri-x1", messages=[{"role": "user", "content": content}]
        )
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 700  # the vendor's own count for a picture


async def test_two_choices(house: House) -> None:
    async with sdk(house) as client:
        answer = await client.chat.completions.create(model="nuri-x1", messages=SAY_HELLO, n=2)
        assert [choice.index for choice in answer.choices] == [0, 1]
        stream = await client.chat.completions.create(model="nuri-x1", messages=SAY_HELLO, n=2, stream=True)
        assert {choice.index async for chunk in stream for choice in chunk.choices} == {0, 1}


async def test_embeddings(house: House) -> None:
    async with sdk(house) as client:
        raw = await client.embeddings.with_raw_response.create(
            model="nuri-embed", input=["바우처", "voucher"]
        )
        answer = raw.parse()
    assert len(answer.data) == 2
    assert micro(raw.headers["x-voucher-charge-krw"]) == answer.usage.prompt_tokens * EMBED_WON


async def test_models_are_the_products(house: House) -> None:
    async with sdk(house) as client:
        assert [model.id async for model in client.models.list()] == ["nuri-embed", "nuri-tripled", "nuri-x1"]
        assert (await client.models.retrieve("nuri-x1")).owned_by == "nuri"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("nobody")


REFUSALS: list[tuple[str, dict[str, Any], type[openai.APIStatusError], int, str]] = [
    ("vg_wrong_0000000000000000000", {}, openai.AuthenticationError, 401, "invalid_api_key"),
    (KEY, {"model": "nobody"}, openai.NotFoundError, 404, "model_not_found"),
    (KEY, {"messages": "no list"}, openai.BadRequestError, 400, "invalid_request"),
    (KEY, {"model": "nuri-embed"}, openai.BadRequestError, 400, "purpose_mismatch"),
    (
        KEY,
        {"messages": [{"role": "user", "content": "[[fault:http_400]]"}]},
        openai.BadRequestError,
        400,
        "upstream_rejected",
    ),
    (
        KEY,
        {"messages": [{"role": "user", "content": "[[fault:http_401]]"}]},
        openai.InternalServerError,
        502,
        "upstream_error",
    ),
    (
        KEY,
        {"messages": [{"role": "user", "content": "[[fault:http_500]]"}]},
        openai.InternalServerError,
        502,
        "upstream_error",
    ),
    (
        KEY,
        {"messages": [{"role": "user", "content": "[[fault:429]]"}]},
        openai.RateLimitError,
        429,
        "upstream_rate_limited",
    ),
    (key_text("gaonde", "narrow"), {}, openai.PermissionDeniedError, 403, "product_not_allowed"),
    (key_text("gaonde", "poor"), {}, openai.RateLimitError, 429, "key_budget_exhausted"),
    (key_text("empty"), {}, openai.APIStatusError, 402, "voucher_exhausted"),
    (key_text("selfless"), {}, openai.APIStatusError, 402, "self_deposit_exhausted"),
]


@pytest.mark.parametrize(
    ("key", "changes", "kind", "status", "code"), REFUSALS, ids=[f"{row[3]}-{row[4]}" for row in REFUSALS]
)
async def test_refusals_are_the_sdks_typed_errors(
    house: House,
    key: str,
    changes: dict[str, Any],
    kind: type[openai.APIStatusError],
    status: int,
    code: str,
) -> None:
    async with sdk(house, key) as client:
        with pytest.raises(kind) as refused:
            await client.chat.completions.create(**({"model": "nuri-x1", "messages": SAY_HELLO} | changes))
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert refused.value.response.headers["x-request-id"]
    retry = status in (502, 503, 504) or code in ("rate_limited", "upstream_rate_limited")
    assert refused.value.response.headers["x-should-retry"] == ("true" if retry else "false")
    assert ("retry-after" in refused.value.response.headers) == (status == 429)


async def test_the_sdk_tries_again_only_where_it_should(house: House) -> None:
    async with sdk(house, key_text("gaonde", "poor"), retries=2) as client:
        with pytest.raises(openai.RateLimitError) as refused:
            await client.chat.completions.create(model="nuri-x1", messages=SAY_HELLO)
        assert refused.value.response.request.headers["x-stainless-retry-count"] == "0"
    async with sdk(house, key_text("gaonde", "alone"), retries=4) as client:
        slow: Any = [{"role": "user", "content": "hi [[latency_ms=700]]"}]
        create = client.chat.completions.with_raw_response.create
        raws = await asyncio.gather(*(create(model="nuri-x1", messages=slow) for _ in range(2)))
        assert [raw.status_code for raw in raws] == [200, 200]
        assert sorted(raw.retries_taken > 0 for raw in raws) == [False, True]


async def test_a_limit_per_minute_says_when_to_come_back(house: House) -> None:
    async with sdk(house, key_text("gaonde", "once")) as client:
        await client.chat.completions.create(model="nuri-x1", messages=SAY_HELLO)
        with pytest.raises(openai.RateLimitError) as refused:
            await client.chat.completions.create(model="nuri-x1", messages=SAY_HELLO)
    assert refused.value.code == "rate_limited"
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60
    assert refused.value.response.headers["x-should-retry"] == "true"


async def test_another_count_is_another_charge(house: House) -> None:
    """The same question at a vendor that counts three times as much costs what that vendor says."""
    body: Any = {"messages": [{"role": "user", "content": "hello [[tokens=40]]"}]}
    async with sdk(house) as client:
        one = await client.chat.completions.with_raw_response.create(model="nuri-x1", **body)
        three = await client.chat.completions.with_raw_response.create(model="nuri-tripled", **body)
    assert micro(three.headers["x-voucher-charge-krw"]) == 3 * micro(one.headers["x-voucher-charge-krw"])


async def test_the_books_equal_the_vendors_logs(house: House) -> None:
    """Every call of this file, by the vendor's own log: Σ count × price, to the micro-won."""
    async with calling(house.url, KEY) as caller:
        await caller.chat("one more", stream=True)  # so that this test means something alone, too
        await caller.chat("and another", model="nuri-tripled")
        charges = await _billed(house, caller)
        assert charges
        await assert_agrees(house, caller, "gaonde-v", charges)


async def _billed(house: House, caller: Caller) -> dict[str, int]:
    """usage id -> what the vendors' logs make of it. Both sides keep our request id."""
    logged = [call for vendor in house.vendors for call in vendor.log() if call["usage"] is not None]
    await wait_settled(caller)

    async def all_shown() -> bool:
        shown = {record["request_id"] for record in await caller.usage()}
        return shown >= {call["request_id"] for call in logged}

    await wait_for(all_shown, timeout_s=10, said="usage of every call the vendors billed")
    records = {record["request_id"]: record for record in await caller.usage()}
    charges = {}
    for call in logged:
        record = records[call["request_id"]]
        assert (record["upstream_request_id"], record["estimated"]) == (call["call_id"], False)
        embeds = record["product"] == "nuri-embed"
        charges[record["id"]] = charge_micro(call["usage"], input_won=EMBED_WON if embeds else INPUT_WON)
    return charges
