"""Every way in which Converse counts, and every way in which it may not."""

from __future__ import annotations

from typing import Any

import pytest

from metering.usage import Usage
from providers.bedrock.usage import usage_of
from tests.providers.bedrock.messages import counts


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (counts(12, 5), Usage(input=12, output=5)),
        (counts(12, 5, read=1028), Usage(input=12, cached_input=1028, output=5)),
        (counts(12, 5, written=7), Usage(input=12, cache_write=7, output=5)),
        (
            counts(0, 5, read=3, written=9, cacheDetails=[
                {"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 5},
            ]),
            Usage(cached_input=3, cache_write=5, cache_write_1h=4, output=5),
        ),
        # Told apart beyond what was written: the total decides.
        (
            counts(1, 5, written=9, cacheDetails=[{"ttl": "1h", "inputTokens": 40}]),
            Usage(input=1, cache_write_1h=9, output=5),
        ),
        (counts(1, 5, cacheDetails=[{"ttl": "1h", "inputTokens": 4}]), Usage(input=1, output=5)),
        (
            counts(2, 3, cacheReadInputTokenCount=8, cacheWriteInputTokenCount=4),
            Usage(input=2, cached_input=8, cache_write=4, output=3),
        ),
        (
            {**counts(2, 3, read=8), "cacheReadInputTokenCount": 99},
            Usage(input=2, cached_input=8, output=3),
        ),
        # It may count nothing at all, and a total alone decides nothing.
        (counts(0, 0), Usage()),
        ({"inputTokens": 2, "outputTokens": 3, "totalTokens": 99}, Usage(input=2, output=3)),
        ({"inputTokens": 2.0, "outputTokens": 3}, Usage(input=2, output=3)),
        # No class can pay the caller.
        (
            {"inputTokens": -5, "outputTokens": -3, "cacheReadInputTokens": -8, "cacheWriteInputTokens": -4},
            Usage(),
        ),
        (counts(-5, 3, cacheReadInputTokens=8), Usage(cached_input=8, output=3)),
        ({**counts(9, 3), "cacheReadInputTokens": -8}, Usage(input=9, output=3)),
        (
            {**counts(9, 3, written=4), "cacheDetails": [{"ttl": "1h", "inputTokens": -8}, 7, {"ttl": []}]},
            Usage(input=9, cache_write=4, output=3),
        ),
        (counts(9, 3, cacheDetails={"ttl": "1h"}, cacheWriteInputTokens="4"), Usage(input=9, output=3)),
        # Absent is not zero.
        ({"inputTokens": 2, "totalTokens": 5}, None),
        ({"outputTokens": 2}, None),
        ({"inputTokens": True, "outputTokens": 2}, None),
        ({"inputTokens": 1.5, "outputTokens": 2}, None),
        ({"inputTokens": "1", "outputTokens": 2}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)  # fmt: skip
def test_a_count(raw: Any, usage: Usage | None) -> None:
    assert usage_of(raw) == usage
