"""How batches end: what their vendors say of them, and what is charged for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.batch_follow import READ_TRIES
from tests.fakes.batch_vendor import BatchVendor, result
from tests.fakes.gateway_world import world
from tests.gateway.file_talk import LINE_MICRO, LINES, begun, ended
from tests.gateway.test_stored import until

TEXT: Any = {"choices": [{"message": {"content": "a" * 400}}], "usage": None}


@pytest.mark.parametrize(
    ("status", "more", "charge", "estimated", "reason"),
    [
        ("completed", {"answered": 3}, 3 * LINE_MICRO, False, "completed"),
        ("completed", {"answered": 1}, LINE_MICRO, False, "completed"),
        ("completed", {"answered": 0}, 0, False, "completed"),
        ("cancelled", {"answered": 2}, 2 * LINE_MICRO, False, "completed"),
        ("cancelled", {"answered": 0}, 0, False, "completed"),
        ("expired", {"answered": 1}, LINE_MICRO, False, "completed"),
        ("failed", {"answered": 2}, 2 * LINE_MICRO, False, "completed"),
    ],
)
async def test_every_end(
    tmp_path: Path, status: str, more: dict[str, Any], charge: int, estimated: bool, reason: str
) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.finish(status, **more)
        event = await ended(w)
        assert (event.charge_micro, event.estimated, event.end_reason) == (charge, estimated, reason)


async def test_one_that_its_vendor_would_not_run_is_free(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.finish("failed", answered=0)
        event = await ended(w)
        assert (event.status, event.charge_micro, event.end_reason) == ("released", 0, "upstream_error")


A, B = (orjson.loads(line) for line in LINES.splitlines()[:2])


@pytest.mark.parametrize(
    ("output", "tokens", "requests", "estimated"),
    [
        (result(A) + result(B), (20, 10), 2, False),
        (result(A) + result(A), (10, 5), 1, False),
        (result(A).strip(), (10, 5), 1, False),
        (result(A) + b"\r\n\r\n" + result(B), (20, 10), 2, False),
        (result(A, status=500), (0, 0), 0, False),
        (
            result(A, usage={"prompt_tokens": 3, "completion_tokens": True, "total_tokens": 9}),
            (3, 6),
            1,
            False,
        ),
        (result(A, **TEXT), (0, 100), 1, True),
        (b"not JSON at all\n" + result(B), (10, 8), 2, True),
        (b"[]\n{}\n1\n" + b"no\n" * 50, (0, 0), 3, True),
        (orjson.dumps({"custom_id": "a", "response": {"status_code": [200]}}), (0, 0), 0, False),
        (orjson.dumps({"custom_id": "a", "response": {"status_code": 200, "body": 5}}), (0, 0), 0, False),
        (orjson.dumps({"custom_id": "a", "response": 5}), (0, 0), 0, False),
        (b"", (0, 0), 0, False),
    ],
)
async def test_what_the_output_says(
    tmp_path: Path, output: bytes, tokens: tuple[int, int], requests: int, estimated: bool
) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.finish(output=output)
        event = await ended(w)
        share = event.meta.input_tokens // 3
        unread = {True: share * (requests - (1 if b"prompt" in output else 0)), False: 0}[estimated]
        said = (event.tokens["input"] - unread, event.tokens["output"])
        assert (said, event.units["requests"], event.estimated) == (tokens, requests, estimated)


@pytest.mark.parametrize(
    ("more", "tokens", "requests"),
    [
        ({"usage": {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}}, (7, 2), 3),
        ({}, (None, 0), 3),
        ({"request_counts": "many"}, (None, 0), 3),
    ],
)
async def test_an_output_that_cannot_be_read_is_estimated(
    tmp_path: Path, more: dict[str, Any], tokens: tuple[int | None, int], requests: int
) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.statuses["GET", "/files/file-3/content"] = 404
        vendor.finish(**more)
        event = await ended(w)
        expected = event.meta.input_tokens if tokens[0] is None else tokens[0]
        assert (event.tokens["input"], event.tokens["output"]) == (expected, tokens[1])
        assert (event.units, event.estimated) == ({"requests": requests}, True)
        assert vendor.asked.count(("GET", "/files/file-3/content")) == READ_TRIES


async def test_an_output_that_breaks_off_is_read_again(tmp_path: Path) -> None:
    vendor = BatchVendor(cuts_content_after=300)
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.finish()
        await until(lambda: vendor.asked.count(("GET", "/files/file-3/content")) >= 2)
        vendor.cuts_content_after = None
        event = await ended(w)
        assert (event.charge_micro, event.estimated) == (3 * LINE_MICRO, False)
