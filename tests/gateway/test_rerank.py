"""Rerank from request to settlement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from metering.money import MICRO_PER_WON
from tests.fakes.gateway_world import price, voucher, world

PATH: Final = "/v1/rerank"
ASK: Final[dict[str, Any]] = {"model": "x1", "query": "capital?", "documents": ["Seoul", "sea"], "top_n": 1}
RESULTS: Final = [{"index": 0, "relevance_score": 0.9}]
RANKS: Final[dict[str, Any]] = {"purposes": frozenset({"rerank"}), "max_output_tokens": 0}
PER_SEARCH: Final = (replace(price(), per_search=3 * MICRO_PER_WON),)
COHERE: Final = {"id": "r1", "results": RESULTS, "meta": {"billed_units": {"search_units": 2}}}
VOYAGE: Final = {"object": "list", "data": RESULTS, "model": "rerank-2", "usage": {"total_tokens": 43}}


def vendor(said: dict[str, Any], status: int = 200):  # type: ignore[no-untyped-def]
    async def answering(request: web.Request) -> web.Response:
        assert request.path == PATH
        return web.json_response(said, status=status)

    return answering


async def test_searches_are_charged(tmp_path: Path) -> None:
    async with world(vendor(COHERE), tmp_path, prices=PER_SEARCH, **RANKS) as w:
        heard = await w.client.call("POST", PATH, ASK)
        assert (heard.status, heard.json) == (200, COHERE)
        assert heard.headers["x-voucher-charge-krw"] == "6"
        assert w.seen == [ASK | {"model": "vendor-model"}]
        [event] = w.events
        assert (event.units, event.estimated, event.upstream_request_id) == ({"searches": 2}, False, "r1")


async def test_tokens_are_charged(tmp_path: Path) -> None:
    async with world(vendor(VOYAGE), tmp_path, **RANKS) as w:
        heard = await w.client.call("POST", PATH, ASK)
        assert heard.json == VOYAGE | {"model": "x1"}
        assert heard.headers["x-voucher-charge-krw"] == "0.043"
        assert w.events[0].tokens["input"] == 43


async def test_where_nothing_is_counted_one_search_is_taken_to_be_made(tmp_path: Path) -> None:
    async with world(vendor({"results": RESULTS}), tmp_path, prices=PER_SEARCH, **RANKS) as w:
        heard = await w.client.call("POST", PATH, ASK)
        assert heard.headers["x-voucher-charge-krw"] == "3"
        assert w.events[0].estimated


BY_TOKENS: Final = (price(input=1_000_000),)
BOTH: Final = (replace(price(input=1_000_000), per_search=3 * MICRO_PER_WON),)
TWO: Final = {"data": RESULTS, "meta": {"billed_units": {"search_units": 0, "input_tokens": 28}}}


@pytest.mark.parametrize(
    ("prices", "said", "expected"),
    [
        # prices, the vendor's answer -> input tokens, units, won, estimated; 6: (8 + 2 x 8 bytes) / 4
        (PER_SEARCH, VOYAGE, (43, {"searches": 1}, 3, True)),
        (PER_SEARCH, TWO, (28, {"searches": 1}, 3, True)),
        (BY_TOKENS, COHERE, (6, {"searches": 2}, 6, True)),
        (BY_TOKENS, VOYAGE, (43, {}, 43, False)),
        (BOTH, COHERE, (0, {"searches": 2}, 6, False)),
        (BOTH, VOYAGE, (43, {}, 43, False)),
        (BOTH, {"results": RESULTS}, (6, {"searches": 1}, 9, True)),
    ],
)
async def test_what_a_product_is_priced_by_and_the_vendor_does_not_count_is_an_estimate(
    tmp_path: Path, prices: Any, said: dict[str, Any], expected: tuple[int, dict[str, int], int, bool]
) -> None:
    async with world(vendor(said), tmp_path, prices=prices, **RANKS) as w:
        assert (await w.client.call("POST", PATH, ASK)).status == 200
        [event] = w.events
        charged = event.charge_micro // MICRO_PER_WON
        assert (event.tokens["input"], event.units, charged, event.estimated) == expected


@pytest.mark.parametrize(("documents", "won"), [(100, "3"), (101, "6"), (250, "9")])
async def test_what_it_can_cost_is_known_before(tmp_path: Path, documents: int, won: str) -> None:
    async with world(vendor(COHERE), tmp_path, prices=PER_SEARCH, **RANKS) as w:
        body = ASK | {"documents": ["sea"] * documents}
        heard = await w.client.call("POST", "/v1/estimate", body)
        assert heard.json["charge_krw_max"] == won


async def test_a_voucher_that_cannot_pay_the_most_it_can_cost_is_not_asked_to(tmp_path: Path) -> None:
    poor = (voucher(2, 0, share_ppm=1_000_000),)
    async with world(vendor(COHERE), tmp_path, vouchers=poor, prices=PER_SEARCH, **RANKS) as w:
        heard = await w.client.call("POST", PATH, ASK)
        assert (heard.status, heard.code) == (402, "voucher_exhausted")
        assert w.seen == []


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ({"id": "e1", "message": "model 'm' not found"}, 404, (400, "upstream_rejected")),
        ({"message": "invalid api token"}, 401, (502, "upstream_error")),
        ({"detail": "too many"}, 429, (429, "upstream_rate_limited")),
    ],
)
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, said: dict[str, Any], status: int, told: tuple[int, str]
) -> None:
    async with world(vendor(said, status), tmp_path, prices=PER_SEARCH, **RANKS) as w:
        heard = await w.client.call("POST", PATH, ASK)
        assert (heard.status, heard.code) == told
        assert (w.events[0].status, w.events[0].charge_micro) == ("released", 0)


async def test_a_chat_product_ranks_nothing(tmp_path: Path) -> None:
    async with world(vendor(COHERE), tmp_path) as w:
        heard = await w.client.call("POST", PATH, ASK)
        assert (heard.status, heard.code) == (400, "purpose_mismatch")
