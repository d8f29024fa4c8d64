"""A batch that was sent and not answered: by our mark in its metadata it is known again, and charged."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from tests.fakes.batch_vendor import BatchVendor
from tests.fakes.gateway_world import World, world
from tests.gateway.file_talk import LINE_MICRO, asked, begun, ended, held, upload
from tests.gateway.test_batches import adopting
from tests.gateway.test_stored import until

LIST = ("GET", "/batches?limit=100")
OVER_MS = 121_000  # so long it is looked for


class Losing:
    """Takes batches, and its answers do not arrive."""

    def __init__(self, vendor: BatchVendor, *, is_silent: bool = False) -> None:
        self.vendor = vendor
        self.is_silent = is_silent  # else the connection ends
        self.taken = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        answer = await self.vendor(request)
        if request.method == "POST" and request.path == "/v1/batches":
            self.taken.set()
            if self.is_silent:
                await asyncio.sleep(60)
            assert request.transport is not None
            request.transport.close()
        return answer


async def begin(w: World, **headers: str) -> asyncio.Task[object]:
    """A request for a batch, on its way."""
    file_id = (await upload(w.client)).json["id"]
    return asyncio.create_task(w.client.call("POST", "/v1/batches", asked(file_id), headers=headers))


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_found_at_once(tmp_path: Path, oldest_first: bool) -> None:
    """Beside what was made in other years, whichever end of it the list begins with."""
    vendor = BatchVendor(page_max=2, lists_oldest_first=oldest_first)
    for year in range(5):
        asked_then = {"endpoint": "", "input_file_id": "f", "completion_window": "24h"}
        vendor.begin(asked_then)["status"] = "completed"
        vendor.batches[f"batch_{year + 1}"]["created_at"] = 1_000_000_000 + year
    async with world(Losing(vendor), tmp_path) as w:
        batch, _ = await begun(w)
        assert list(vendor.batches)[5:] == [batch["id"]]
        assert vendor.asked.count(LIST) == 1
        vendor.finish()
        assert (await ended(w)).charge_micro == 3 * LINE_MICRO


async def test_found_later(tmp_path: Path) -> None:
    """Its company sees it in its list, and a repeat under its key is answered with it."""
    vendor = BatchVendor(lists_lag=10_000)
    async with world(Losing(vendor), tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        key = {"idempotency-key": "k1"}
        heard = await w.client.call("POST", "/v1/batches", asked(file_id), headers=key)
        assert (heard.status, heard.code) == (502, "upstream_error")
        assert heard.headers["x-should-retry"] == "false"
        assert heard.json["error"]["message"].startswith("Nobody knows yet whether the vendor has begun")
        usage_id = heard.headers["x-voucher-usage-id"]
        assert await held(w) != "0"
        again = await w.client.call("POST", "/v1/batches", asked(file_id), headers=key)
        assert (again.status, again.code) == (409, "idempotency_in_progress")
        vendor.lists_lag = 0
        await until(lambda: vendor.polls("batch_2") > 0)
        [shown] = (await w.client.call("GET", "/v1/batches")).json["data"]
        assert (shown["id"], shown["input_file_id"], shown["metadata"]) == ("batch_2", file_id, None)
        again = await w.client.call("POST", "/v1/batches", asked(file_id), headers=key)
        assert (again.status, again.json["id"]) == (200, "batch_2")
        assert (await w.client.call("DELETE", f"/v1/files/{file_id}")).status == 409
        vendor.finish()
        event = await ended(w)
        assert (event.op, event.charge_micro) == (usage_id, 3 * LINE_MICRO)
        assert event.upstream_request_id == "batch_2"
        assert list(vendor.batches) == ["batch_2"], "made once"


@pytest.mark.parametrize("status", [500, 502])
async def test_what_was_never_begun_is_free(tmp_path: Path, status: int) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        vendor.statuses["POST", "/batches"] = status
        heard = await (await begin(w))
        assert getattr(heard, "status", None) == 502
        assert w.events == []
        await until(lambda: vendor.asked.count(LIST) > 6)
        assert w.events == [], "a list may lag behind what was made"
        w.clock_ms[0] += OVER_MS
        event = await ended(w)
        assert (event.status, event.charge_micro, event.end_reason) == ("released", 0, "upstream_error")
        assert (await w.client.call("GET", "/v1/batches")).json["data"] == []


async def test_a_vendor_that_nobody_can_ask(tmp_path: Path) -> None:
    """It has no lists, or is away for good: its company has got nothing, and pays nothing."""
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        vendor.statuses |= {("POST", "/batches"): 500, ("GET", "/batches"): 405}
        await (await begin(w))
        await until(lambda: vendor.asked.count(LIST) > 6)
        w.clock_ms[0] += OVER_MS
        assert (await ended(w)).charge_micro == 0


@pytest.mark.parametrize("was_killed", [True, False])
async def test_a_gateway_that_goes_in_that_moment(tmp_path: Path, was_killed: bool) -> None:
    """Between what the vendor has taken and its answer: another gateway looks for it."""
    vendor = BatchVendor(page_max=2)
    async with world(losing := Losing(vendor, is_silent=True), tmp_path) as w:
        request = await begin(w)
        await losing.taken.wait()
        for _ in range(5):  # on later pages of the list
            vendor.begin({**vendor.batches["batch_2"], "metadata": {"voucher_op": "op99"}})
        w.things.is_away = was_killed
        request.cancel()
        await asyncio.wait([request])
        await w.background.close()
        w.things.is_away = False
        w.things.gone |= {"g1"} if was_killed else set()
        background, meter, upstream = await adopting(w, tmp_path)
        try:
            await until(lambda: vendor.polls("batch_2") > 0)
            vendor.finish()
            await until(lambda: not w.things.unfinished)
            await until(lambda: len(w.events) == 1)
            assert (w.events[0].charge_micro, w.events[0].meta.gateway_id) == (3 * LINE_MICRO, "g1")
            assert await held(w) == "0"
        finally:
            await background.close()
            await meter.close(patience_s=0)
            await upstream.close()


async def test_books_that_are_away_before_it_is_sent(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        w.objects.seeks_nothing = True
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.code) == (503, "meter_unavailable")
        await until(lambda: not w.things.unfinished)
        assert vendor.batches == {}
        assert await held(w) == "0"
