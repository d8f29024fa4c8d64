"""What a response's usage is in token classes, whatever the vendor writes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import Usage
from providers.openai_realtime.usage import usage_of
from tests.fakes.any_json import values
from tests.fakes.realtime_vendor import usage

# As in OpenAI's documentation of `response.done`.
PUBLISHED = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (PUBLISHED, Usage(input=55, cached_input=64, input_audio=13, output=30, output_audio=91)),
        (usage(10, text=5), Usage(input=10, output=5)),
        (usage(10, 90, cached=50, cached_audio=45, text=0, audio=7),
         Usage(input=5, cached_input=50, input_audio=45, output_audio=7)),
        ({"input_tokens": 7}, Usage(input=7)),
        ({"input_tokens": 7, "output_tokens": 2, "total_tokens": 12}, Usage(input=7, output=5)),
        ({"total_tokens": 12, "output_tokens": 2}, Usage(input=10, output=2)),
        ({"input_tokens": 0, "output_tokens": 0}, Usage()),
        ({"input_tokens": 7.0, "output_tokens": True}, Usage(input=7)),
        ({"input_tokens": 5, "output_tokens": 1, "input_token_details": {"audio_tokens": 50}},
         Usage(input_audio=5, output=1)),
        ({"input_tokens": 5, "output_tokens": 9, "output_token_details": {"audio_tokens": -3}},
         Usage(input=5, output=9)),
        ({"input_tokens": -5, "output_tokens": 9}, Usage(output=9)),
        ({"input_tokens": "7"}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)  # fmt: skip
def test_classes(raw: Any, expected: Usage | None) -> None:
    assert usage_of(raw) == expected


@given(value=values, name=st.sampled_from([*PUBLISHED, "audio_tokens", "cached_tokens"]))
def test_no_usage_pays_the_caller(value: bytes, name: str) -> None:
    read = orjson.loads(value) if len(value) < 1000 else {}
    for raw in (read, {**PUBLISHED, name: read}, {"input_tokens": 5, "input_token_details": {name: read}}):
        counted = usage_of(raw)
        assert counted is None or min(counted.tokens().values()) >= 0
