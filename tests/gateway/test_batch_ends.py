"""How batches end: what their vendors say of them, and what is charged for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from gateway.batch_follow import READ_TRIES
from tests.fakes.batch_vendor import BatchVendor, result
from tests.fakes.gateway_world import world
from tests.gateway.file_talk import LINE_MICRO, LINES, asked, begun, ended, held, upload
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


async def test_odd_words_of_a_vendor(tmp_path: Path) -> None:
    """The company sees its own ids and nothing of the account, or a failure; the batch is followed."""
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, _ = await begun(w)
        path = f"/v1/batches/{batch['id']}"
        [made] = vendor.batches.values()
        for change in (
            {"id": "batch_other", "input_file_id": "file-other", "model": ["m"]},
            {"output_file_id": 5, "error_file_id": "../x", "metadata": [], "request_counts": 3, "usage": []},
            {"status": ["completed"]},
            {"status": None, "errors": {"data": ["x" * 100_000]}},
            {"metadata": {"voucher_op": "op1"}},
        ):
            vendor.batches[batch["id"]] = {**made, **change}
            heard = await w.client.call("GET", path)
            assert heard.status == 200
            assert (heard.json["id"], heard.json["input_file_id"]) == (batch["id"], batch["input_file_id"])
            assert heard.json["output_file_id"] is None
            assert b"voucher_op" not in heard.body
            assert b"vendor-model" not in heard.body
        for odd in ({"id": 5}, {"id": "../b"}, {"id": ""}, {"id": None}, {"id": ["b"]}):
            vendor.batches[batch["id"]] = {**made, **odd}
            assert (await w.client.call("GET", path)).status == 502
        vendor.batches[batch["id"]] = made
        vendor.finish()
        assert (await ended(w)).charge_micro == 3 * LINE_MICRO


async def test_what_a_vendor_makes_without_an_id(tmp_path: Path) -> None:
    """Nobody could name it: nothing is told, and nothing of it is charged."""
    vendor = BatchVendor()

    async def odd(request: web.Request) -> web.StreamResponse:
        if request.path == vendor.odd_path and request.method == "POST":
            return web.Response(body=vendor.odd_body, content_type="application/json")
        return await vendor(request)

    async with world(odd, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        vendor.odd_path = "/v1/files"
        for said in (b"", b"no", b"[]", b"{}", b'{"id":5}', b'{"id":"../f"}', b'{"id":"f 1"}'):
            vendor.odd_body = said
            assert (await upload(w.client)).status == 502
        vendor.odd_path = "/v1/batches"
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.code) == (502, "upstream_error")
        await until(lambda: vendor.asked.count(("GET", "/batches?limit=100")) > 4)
        w.clock_ms[0] += 121_000
        await until(lambda: not w.things.unfinished)
        assert [event.charge_micro for event in w.events] == [0]
        assert await held(w) == "0"
