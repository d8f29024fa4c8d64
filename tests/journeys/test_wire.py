"""Exchanges replayed by the vendor through the whole house: what is metered and charged is what was reported.

Ours of invention always run; the recorded ones wherever they are. The vendor serves response bytes only: what
a recording expects to be counted is opened here, and only to compare.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fakes.house import House
from tests.fakes.sounds import form_type, transcription, wave
from tests.fakes.vendor_recordings import WIRE, exchanges
from tests.journeys.books import assert_sound, wait_posted, wait_settled
from tests.journeys.caller import Answer, Caller, calling, micro
from tests.journeys.declarations import (
    PRICE_FROM,
    api_key,
    chat_product,
    company,
    declaration,
    key_text,
    upstream,
    voucher,
)
from tests.journeys.wire_protocols import PROTOCOLS, Protocol, protocol_of
from tests.journeys.wire_table import assert_documented, how_it_ended
from tests.providers.synthetic.exchanges import ANSWERS, STREAMS, Synthetic

AT_ONCE: Final = 16
# Won per million tokens, one price per class, so that a token in the wrong class is a wrong charge.
PRICES: Final = {
    "input": 3,
    "cached_input": 1,
    "cache_write": 4,
    "cache_write_1h": 5,
    "output": 7,
    "input_audio": 11,
    "output_audio": 13,
}
SEARCH_WON: Final = 2
UNIT_PRICES: Final = {"per_image": 17, "per_1000_characters": 23}
SOUND: Final = wave()  # the recorded ones were not kept
STATUS_OF_ERROR: Final = {400: 400, 404: 400, 413: 400, 422: 400, 429: 429}  # of the vendor -> ours
CODE_OF_STATUS: Final = {400: "upstream_rejected", 429: "upstream_rate_limited", 502: "upstream_error"}


@dataclass(frozen=True, slots=True)
class Replayed:
    """One exchange through the house, twice: under its vendor's name, and under none.

    `expected`: (input, cached, written, output) in tokens, all input and all output, and searches of a
    rerank; None where nothing was reported.
    """

    exchange_id: str
    protocol: Protocol
    vendor: str | None
    stream: bool
    status: int
    request: Any
    confidence: str
    expected: tuple[int, int, int, int, int] | None
    tags: tuple[str, ...]
    needs_vendor: bool = False

    @property
    def variants(self) -> list[tuple[str, str | None]]:
        """(product id, vendor) of each."""
        plain: list[tuple[str, str | None]] = [(self.exchange_id, None)]
        named: list[tuple[str, str | None]] = [(f"{self.exchange_id}.v", self.vendor)] if self.vendor else []
        return named if self.needs_vendor else plain + named

    def body(self, product_id: str) -> dict[str, Any]:
        recorded = self.request if self.status < 400 else None
        return self.protocol.body(recorded, product_id, stream=self.stream)


def _recorded() -> list[Replayed]:
    if not WIRE.is_dir():
        return []
    return [
        Replayed(
            exchange_id=exchange["id"],
            protocol=protocol_of(exchange),
            vendor=exchange["provider"],
            stream=exchange["streaming"],
            status=exchange["response"]["status"],
            request=exchange["request"]["body"],
            confidence=exchange["expected_usage_confidence"],
            expected=_expected(exchange["expected_usage"]),
            tags=(exchange["protocol"], *exchange["special"]),
        )
        for exchange in _served()
    ]


def _served() -> list[dict[str, Any]]:
    """Names of protocols are beginnings of others."""
    return [
        exchange
        for exchange in exchanges(*PROTOCOLS)
        if (protocol := PROTOCOLS.get(exchange["protocol"])) is not None and protocol.serves(exchange)
    ]


def _expected(usage: dict[str, Any] | None) -> tuple[int, int, int, int, int] | None:
    if usage is None or "input_tokens" not in usage:
        return None
    given = usage["input_tokens"] or 0
    cached = min(usage.get("cached_input_tokens") or 0, given)
    written = min(usage.get("cache_write_tokens") or 0, given - cached)
    return (given, cached, written, usage.get("output_tokens") or 0, usage.get("search_units") or 0)


def _synthetic(folder: Path) -> list[Replayed]:
    """Ours as files beside the recorded ones, and what they are."""
    found = []
    for index, ours in enumerate((*ANSWERS, *STREAMS)):
        exchange_id = f"openai.chat.synthetic.{'stream' if ours.stream else 'unary'}.{index:02d}"
        kind = "text/event-stream" if ours.stream else "application/json"
        response = {"status": 200, "headers": {"content-type": kind}, "body": ours.body.decode("utf-8")}
        recording = {"response": response}
        (folder / f"{exchange_id}.json").write_text(json.dumps(recording), "utf-8")
        found.append(_of_ours(ours, exchange_id))
    return found


def _of_ours(ours: Synthetic, exchange_id: str) -> Replayed:
    usage = ours.usage
    return Replayed(
        exchange_id=exchange_id,
        protocol=PROTOCOLS["openai.chat"],
        vendor=ours.vendor,
        stream=ours.stream,
        status=200,
        request=None,
        confidence="none" if usage is None else "exact",
        expected=None
        if usage is None
        else (
            usage.input_total,
            usage.cached_input,
            usage.cache_write + usage.cache_write_1h,
            usage.output_total,
            0,
        ),
        tags=("synthetic", *(["error_in_200"] if ours.error and not ours.stream else [])),
        needs_vendor=ours.vendor is not None,
    )


@pytest.fixture(scope="module")
def replayed() -> Iterator[tuple[House, list[Replayed]]]:
    with House(workers=2) as house:
        folder = house.root / "exchanges"
        folder.mkdir()
        everything = [*_synthetic(folder), *_recorded()]
        for exchange in _served():
            _serve(exchange, folder)
        vendor = house.vendor("--replay", str(folder))
        products = [
            chat_product(
                product_id,
                upstream(
                    vendor.base_url.removesuffix("/v1") + exchange.protocol.base,
                    dialect=exchange.protocol.dialect,
                    model=exchange.exchange_id,
                    **({"vendor": name} if name else {}),
                ),
                purposes=[exchange.protocol.purpose],
                prices=[{"from": PRICE_FROM, **_prices(exchange.protocol)}],
                max_output_tokens=0 if exchange.protocol.purpose in ("embedding", "rerank") else 100_000,
            )
            for exchange in everything
            for product_id, name in exchange.variants
        ]
        house.up(
            declaration(
                products=products,
                companies=[company("replay")],
                vouchers=[voucher("replay")],
                api_keys=[api_key("replay")],
            )
        )
        yield house, everything
        assert house.down() == 0


def _serve(exchange: dict[str, Any], folder: Path) -> None:
    """As it was recorded; but a stream that was asked for as one array, which we never do, as events."""
    name = f"{exchange['id']}.json"
    if exchange["stream_format"] != "json-array":
        (folder / name).symlink_to(WIRE / name)
        return
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in json.loads(exchange["response"]["body"])]
    response = {"status": 200, "headers": {"content-type": "text/event-stream"}, "body": "".join(events)}
    (folder / name).write_text(json.dumps({"response": response}), "utf-8")


async def _replay(caller: Caller, exchange: Replayed, product_id: str, limit: asyncio.Semaphore) -> Answer:
    async with limit:
        path = exchange.protocol.path_of(product_id, stream=exchange.stream)
        if exchange.protocol.reads_form:
            form = transcription(SOUND, model=product_id, stream=str(exchange.stream).lower())
            return await caller.post(path, form, headers={"Content-Type": form_type()})
        return await caller.post(path, exchange.body(product_id))


async def test_metered_is_what_was_reported(replayed: tuple[House, list[Replayed]]) -> None:
    house, everything = replayed
    calls = [(exchange, product_id) for exchange in everything for product_id, _ in exchange.variants]
    limit = asyncio.Semaphore(AT_ONCE)
    async with calling(house.url, key_text("replay")) as caller:
        answers = await asyncio.gather(*(_replay(caller, *call, limit) for call in calls))
        wrong = [
            f"{product_id}: no usage id: {answer.status} {bytes(answer.body[:200])!r}"
            for (_, product_id), answer in zip(calls, answers, strict=True)
            if "X-Voucher-Usage-Id" not in answer.headers
        ]
        assert wrong == []
        await wait_settled(caller)
        await wait_posted(house, [answer.usage_id for answer in answers])
        records = {record["id"]: record for record in await caller.usage()}
    compared, equal = Counter[str](), Counter[str]()
    for (exchange, product_id), answer in zip(calls, answers, strict=True):
        problem = _compare(exchange, answer, records[answer.usage_id])
        tags = ("(all)", f"({exchange.confidence})", *exchange.tags)
        compared.update(tags)
        if problem is None:
            equal.update(tags)
        else:
            wrong.append(f"{product_id}: {problem}")
    print(f"\n{'tag':<36} replayed  as expected")
    for tag, count in compared.most_common():
        print(f"{tag:<36} {count:>8}  {equal[tag]:>11}")
    assert wrong == []
    shown = [records[answer.usage_id] for answer in answers]
    assert_documented(
        [
            (exchange.protocol.name, how_it_ended(record))
            for (exchange, _), record in zip(calls, shown, strict=True)
            if "synthetic" not in exchange.tags
        ]
    )
    exact = sum(len(exchange.variants) for exchange in everything if exchange.confidence == "exact")
    assert equal["(exact)"] == exact > 0
    await assert_sound(house)


def _compare(exchange: Replayed, answer: Answer, record: dict[str, Any]) -> str | None:
    """None where all is as it must be."""
    if exchange.status >= 400 or (exchange.expected is None and "error_in_200" in exchange.tags):
        return _compare_error(exchange, answer, record)
    if exchange.protocol.is_free:
        counted = (record["status"], record["charge_krw"]) == ("released", "0")
        return None if counted and answer.status == 200 else f"counting is free: {answer.status} {record}"
    tokens = record["tokens"]
    if exchange.protocol.priced_by:
        return _compare_units(exchange, record)
    searches = record["units"].get("searches", 0)
    charge = sum(tokens[name] * won for name, won in PRICES.items()) + searches * SEARCH_WON * 1_000_000
    if record["status"] != "settled":
        return None if exchange.expected is None else f"not settled: {record}"
    if micro(record["charge_krw"]) != charge:
        return f"charged {record['charge_krw']} for {tokens}"
    # A stream that broke off is charged as an estimate, though some vendors count as they go.
    if exchange.confidence != "partial" and record["estimated"] != (exchange.expected is None):
        return f"estimated: {record['estimated']}, reported: {exchange.expected}"
    if exchange.confidence != "exact":
        return None
    inputs = ("input", "cached_input", "cache_write", "cache_write_1h", "input_audio")
    metered = (
        sum(tokens[name] for name in inputs),
        tokens["cached_input"],
        tokens["cache_write"] + tokens["cache_write_1h"],
        tokens["output"] + tokens["output_audio"],
        searches if exchange.protocol.purpose == "rerank" else 0,
    )
    return None if metered == exchange.expected else f"metered {metered}, reported {exchange.expected}"


def _compare_units(exchange: Replayed, record: dict[str, Any]) -> str | None:
    """What has a price by the piece: each recorded answer has one picture, each text was recorded."""
    unit, count = ("images", 1)
    if exchange.protocol.purpose == "speech":
        unit, count = "characters", len(exchange.body("x")["input"])
    won = count * UNIT_PRICES[exchange.protocol.priced_by]
    charge = won * 1_000 if unit == "characters" else won * 1_000_000
    counted = (record["status"], record["estimated"], record["units"], micro(record["charge_krw"]))
    return None if counted == ("settled", False, {unit: count}, charge) else f"{count} {unit}: {record}"


def _prices(protocol: Protocol) -> dict[str, int]:
    if protocol.priced_by:
        return {protocol.priced_by: UNIT_PRICES[protocol.priced_by]}
    return {**PRICES, "per_search": SEARCH_WON}


def _compare_error(exchange: Replayed, answer: Answer, record: dict[str, Any]) -> str | None:
    status = STATUS_OF_ERROR.get(exchange.status, 502)
    if (answer.status, answer.code) != (status, CODE_OF_STATUS[status]):
        return f"vendor's {exchange.status} became {answer.status} {answer.code}"
    if (record["status"], record["charge_krw"]) != ("released", "0"):
        return f"an error was charged: {record}"
    return None


def test_recordings_beside_the_project_are_replayed(replayed: tuple[House, list[Replayed]]) -> None:
    """Where they are, all of them; ours in any case."""
    _, everything = replayed
    ours = [exchange for exchange in everything if "synthetic" in exchange.tags]
    assert len(ours) >= 20
    beside = _served()
    assert len(everything) - len(ours) == len(beside)
    assert WIRE.is_dir() == bool(beside)
