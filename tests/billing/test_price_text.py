"""A price list entry said again is the same entry, whatever it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from billing.declaration.price_models import PriceListEntry
from billing.declaration.price_rows import price_row
from billing.declaration.price_text import declared_again

FROM = {"from": "2026-01-01T00:00:00+09:00"}
ENTRIES: list[dict[str, Any]] = [
    {**FROM, "input": 1250, "output": "5000.5"},
    {**FROM, "input": "0.000001", "cached_input": 0, "cache_write": 1, "cache_write_1h": 2},
    {**FROM, "input_audio": 3, "output_audio": 4, "input": 0},
    {
        **FROM,
        "per_image": 1,
        "per_second": "0.5",
        "per_1000_characters": 2,
        "per_search": 3,
        "per_request": 4,
    },
    {**FROM, "input": "1.25", "currency": "USD", "krw_per_usd": "1380.5", "rate_on": "2026-01-02"},
    {
        **FROM,
        "input": 1,
        "currency": "USD",
        "krw_per_usd": 1400,
        "rate_on": "2026-01-02",
        "rate_source": "매매기준율",
        "tiers": [{"input_tokens_over": 1000, "input": 2}, {"batch": True, "output": "0.5"}],
    },
    {
        **FROM,
        "input": 1,
        "tiers": [{"service_tier": "flex", "input_tokens_over": 9, "per_request": 7}],
        "other_models": {"claude-opus-4-8": {"input": 5, "output": "25.000001"}},
    },
]


@pytest.mark.parametrize("entry", ENTRIES, ids=range(len(ENTRIES)))
def test_said_again_it_is_the_same(entry: dict[str, Any]) -> None:
    first = PriceListEntry.model_validate(entry)
    said = json.loads(json.dumps(declared_again(first)))
    assert PriceListEntry.model_validate(said) == first
    assert price_row(PriceListEntry.model_validate(said)) == price_row(first)
