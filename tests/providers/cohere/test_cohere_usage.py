"""What Cohere counts, and what it says when something is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from metering.usage import Usage
from providers.cohere.errors import read_error
from providers.cohere.usage import usage_of


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"billed_units": {"input_tokens": 7, "output_tokens": 2}, "tokens": {"input_tokens": 500}},
         Usage(input=7, output=2)),
        ({"billed_units": {"input_tokens": 7, "output_tokens": 2}, "cached_tokens": 3},
         Usage(input=4, cached_input=3, output=2)),
        ({"billed_units": {"input_tokens": 7, "output_tokens": 2}, "cached_tokens": 448},
         Usage(cached_input=7, output=2)),
        ({"billed_units": {}, "tokens": {"input_tokens": 9, "output_tokens": 4}}, Usage(input=9, output=4)),
        ({"billed_units": {"input_tokens": 7.0, "output_tokens": 2.0}}, Usage(input=7, output=2)),
        ({"billed_units": {"input_tokens": 4, "image_tokens": 3}}, Usage(input=7)),
        ({"billed_units": {"input_tokens": 7, "text_tokens": 4, "image_tokens": 3}}, Usage(input=7)),
        ({"billed_units": {"input_tokens": 4, "text_tokens": 4, "image_tokens": 3}}, Usage(input=7)),
        ({"billed_units": {"text_tokens": 4}}, Usage(input=4)),
        ({"billed_units": {"input_tokens": 0, "output_tokens": 0}}, Usage()),
        ({"billed_units": {"input_tokens": -5, "output_tokens": 2}}, Usage(output=2)),
        ({"billed_units": {"input_tokens": True}}, None),
        ({"billed_units": [], "tokens": None}, None),
        ({}, None), (None, None), (5, None),
    ],
)  # fmt: skip
def test_what_is_counted_is_what_is_billed(raw: Any, usage: Usage | None) -> None:
    assert usage_of(raw) == usage


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"id":"e","message":"model \'m\' not found"}', "model 'm' not found"),
        (b'{"message":["a"]}', ""),
        (b"busy", "busy"),
        (b"", ""),
    ],
)
def test_what_it_says_when_something_is_wrong(body: bytes, message: str) -> None:
    error = read_error(404, body)
    assert (error.status, error.message) == (404, message)
