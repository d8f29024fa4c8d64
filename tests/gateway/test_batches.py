"""Batches: bounded before, followed to their end, charged once by what their lines used."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.background import Background
from gateway.batches import OPEN_MAX
from gateway.objects import ObjectParts
from gateway.stored_vendor import StoredVendor
from metering.directory import KeyLimits
from metering.keys import lane_of
from metering.meter import Meter
from metering.prices import Condition
from providers.upstream import Upstream
from tests.fakes.batch_vendor import BatchVendor, result
from tests.fakes.gateway_world import (
    ALWAYS_HEALTHY,
    FOLLOW_PACE,
    Everything,
    World,
    api_key,
    price,
    voucher,
    world,
)
from tests.gateway.file_talk import LINE_MICRO, LINES, asked, begun, chat_line, ended, held, jsonl, upload
from tests.gateway.test_stored import two_companies, until


async def test_a_batch_is_charged_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, usage_id = await begun(w)
        path = f"/v1/batches/{batch['id']}"
        for _ in range(50):
            assert (await w.client.call("GET", path)).json["status"] == "in_progress"
        assert w.events == []
        vendor.finish()
        for _ in range(50):
            assert (await w.client.call("GET", path)).json["status"] == "completed"
        event = await ended(w)
        assert (event.op, event.charge_micro, event.end_reason) == (usage_id, 3 * LINE_MICRO, "completed")
        assert (event.tokens["input"], event.tokens["output"]) == (30, 15)
        assert (event.units, event.estimated) == ({"requests": 3}, False)
        assert (event.upstream_request_id, event.meta.product) == (batch["id"], "x1")
        polls = vendor.polls(batch["id"])
        assert vendor.polls(batch["id"]) == polls, "and not asked any more"


async def test_its_end_is_charged_before_it_is_shown(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, _ = await begun(w)
        await asyncio.sleep(0.1)
        vendor.finish()
        heard = await w.client.call("GET", f"/v1/batches/{batch['id']}")
        assert heard.json["status"] == "completed"
        assert len(w.events) == 1


async def test_asked_for_by_nobody_charged_once(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, _ = await begun(w)
        await until(lambda: vendor.polls(batch["id"]) >= 3)
        vendor.finish()
        assert (await ended(w)).charge_micro == 3 * LINE_MICRO
        [shown] = (await w.client.call("GET", "/v1/batches")).json["data"]
        assert (shown["status"], shown["output_file_id"]) == ("completed", "file-3"), "as it was found"


async def test_what_the_vendor_gets(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path, max_output_tokens=100) as w:
        content = jsonl(chat_line("a", max_tokens=9_000), chat_line("b", user="u"))
        batch, usage_id = await begun(w, content, metadata={"night": "1"})
        first, second = vendor.lines(vendor.batches[batch["id"]])
        assert (first["body"]["max_tokens"], second["body"]["user"]) == (100, "u")
        assert {line["body"]["model"] for line in (first, second)} == {"vendor-model"}
        assert first | {"body": 0} == {**chat_line("a"), "body": 0}
        metadata = vendor.batches[batch["id"]]["metadata"]
        assert metadata == {"night": "1", "voucher_op": usage_id}
        assert (batch["metadata"], batch["model"]) == ({"night": "1"}, "x1")


async def test_the_hold_is_every_lines_bound(tmp_path: Path) -> None:
    """The bytes of each line and its output limit, and what each call costs beside its tokens."""
    prices = (price(input=1000, output=4000, per_request=7),)
    vendor = BatchVendor()
    async with world(vendor, tmp_path, prices=prices) as w:
        await begun(w)
        [record] = w.purse.data.lane(lane_of("gaonde")).holds.values()
        lines = LINES.splitlines()
        bound = sum(len(line) * 1000 + 50 * 4000 + 7_000_000 for line in lines)
        assert record.amount == bound
        dearer = replace(prices[0], entry_id="x1@1", valid_from_ms=1, input=9_000_000_000)
        [known] = w.directory.products.values()
        w.directory.apply(Everything(revision=2, products=(replace(known, prices=(*prices, dearer)),)))
        vendor.finish(answered=2)
        assert (await ended(w)).charge_micro == 2 * (LINE_MICRO + 7_000_000), "at the price of its beginning"


@pytest.mark.parametrize("has_sheet", [True, False])
async def test_a_batch_is_charged_by_the_sheet_for_batches(tmp_path: Path, has_sheet: bool) -> None:
    """Whatever the sum of its inputs is: no line of it is long."""
    base = price(input=1000, output=4000)
    half = replace(
        price(input=500, output=2000), entry_id=f"{base.entry_id}#batch", when=Condition(batch=True)
    )
    long = replace(half, entry_id=f"{base.entry_id}#over-25", when=Condition(input_tokens_over=25))
    prices = (replace(base, tiers=(half, long) if has_sheet else (long,)),)
    vendor = BatchVendor()
    async with world(vendor, tmp_path, prices=prices) as w:
        await begun(w)
        vendor.finish()
        event = await ended(w)
        assert event.charge_micro == 3 * LINE_MICRO // (2 if has_sheet else 1)
        assert event.meta.price_entry == (half.entry_id if has_sheet else base.entry_id)


@pytest.mark.parametrize("kind", ["responses", "embeddings"])
async def test_other_calls_in_batches(tmp_path: Path, kind: str) -> None:
    """Each read by its own reader, and written as its own encoder writes it."""
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        url = f"/v1/{kind}"
        content = jsonl(
            {"custom_id": "a", "method": "POST", "url": url, "body": {"model": "x1", "input": "hi"}}
        )
        batch, _ = await begun(w, content, endpoint=url)
        [line] = vendor.lines(vendor.batches[batch["id"]])
        assert line["body"].get("store") is (False if kind == "responses" else None)
        usage = {"input_tokens": 20, "output_tokens": 9, "total_tokens": 29}
        vendor.finish(output=result(line, object="response", status=200, usage=usage))
        event = await ended(w)
        assert (event.tokens["input"], event.tokens["output"]) == (20, 9)


@pytest.mark.parametrize("field", ["store", "background", "stream"])
async def test_lines_of_responses_keep_nothing(tmp_path: Path, field: str) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        body = {"model": "x1", "input": "hi", field: True}
        heard = await upload(
            w.client, jsonl({"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": body})
        )
        assert heard.json["error"]["message"].startswith("Line 1: `")
        assert (await w.client.call("GET", "/v1/files")).json["data"] == []


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"input_file_id": 5}, 400, "`input_file_id` must be the id of a file."),
        ({"input_file_id": "../files"}, 404, None),
        ({"endpoint": "/v1/images/generations"}, 400, "`endpoint` must be one of"),
        ({"endpoint": ["/v1/embeddings"]}, 400, "`endpoint` must be one of"),
        ({"endpoint": "/v1/embeddings"}, 400, "`endpoint` must be the `url` of the file's lines"),
        ({"completion_window": "1h"}, 400, "`completion_window` must be 24h."),
        ({"metadata": ["a"]}, 400, "`metadata` must be an object"),
        ({"metadata": {"a": 1}}, 400, "`metadata` must hold texts"),
        ({"metadata": {str(n): "" for n in range(16)}}, 400, "`metadata` must be an object"),
        ({"output_expires_after": 5}, 400, "`output_expires_after` must name"),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": 3599}},
            400,
            "`output_expires_after` must leave",
        ),
    ],
)
async def test_requests_refused(
    tmp_path: Path, changes: dict[str, Any], status: int, words: str | None
) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        heard = await w.client.call("POST", "/v1/batches", {**asked(file_id), **changes})
        assert heard.status == status
        assert words is None or heard.json["error"]["message"].startswith(words)
        assert vendor.batches == {}
        assert await held(w) == "0"


async def test_a_file_of_another_purpose_is_no_batch(tmp_path: Path) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        file_id = (await upload(w.client, purpose="user_data")).json["id"]
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.json["error"]["param"]) == (400, "input_file_id")


@pytest.mark.parametrize("changes", [{"max_output_tokens": 4097}, {"context_tokens": 1}, {"model": "dear"}])
async def test_a_file_that_was_read_on_other_terms_is_no_batch(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        [known] = w.directory.products.values()
        if "model" in changes:
            changes = {"upstreams": (replace(known.upstreams[0], **changes),)}
        w.directory.apply(Everything(revision=2, products=(replace(known, **changes),)))
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.json["error"]["param"]) == (400, "input_file_id")
        assert vendor.batches == {}


async def test_what_cannot_be_paid_is_not_begun(tmp_path: Path) -> None:
    vendor = BatchVendor()
    poor = voucher(government_krw=1, self_krw=0)
    async with world(vendor, tmp_path, vouchers=(poor,)) as w:
        file_id = (await upload(w.client)).json["id"]
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.code) == (402, "voucher_exhausted")
        assert vendor.batches == {}


async def test_more_than_any_purse_can_hold_is_more_than_there_is(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path, prices=(price(input=1000, per_request=1_000_000_000),)) as w:
        file_id = (await upload(w.client, jsonl(*(chat_line(str(n)) for n in range(10))))).json["id"]
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.code) == (402, "voucher_exhausted")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (KeyLimits(tokens_per_minute=10), "rate_limited"),
        (KeyLimits(krw_per_day_micro=1), "key_budget_exhausted"),
    ],
)
async def test_limits_of_the_key(tmp_path: Path, limits: KeyLimits, code: str) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path, key=api_key(limits=limits)) as w:
        file_id = (await upload(w.client)).json["id"]
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.code) == (429, code)
        assert vendor.batches == {}


async def test_open_batches_of_a_company(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with two_companies(vendor, tmp_path) as (w, other):
        file_id = (await upload(w.client)).json["id"]
        for _ in range(OPEN_MAX):
            assert (await w.client.call("POST", "/v1/batches", asked(file_id))).status == 200
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.code) == (429, "too_many_concurrent")
        theirs = (await upload(other)).json["id"]
        assert (await other.call("POST", "/v1/batches", asked(theirs))).status == 200
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        assert (await w.client.call("POST", "/v1/batches", asked(file_id))).status == 200


@pytest.mark.parametrize("status", [400, 401, 404, 429])
async def test_what_the_vendor_does_not_take_is_free(tmp_path: Path, status: int) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        vendor.statuses["POST", "/batches"] = status
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert heard.status == {400: 400, 401: 502, 404: 400, 429: 429}[status]
        assert [(event.status, event.charge_micro) for event in w.events] == [("released", 0)]
        assert await held(w) == "0"
        assert (await w.client.call("GET", "/v1/batches")).json["data"] == []
        await until(lambda: not w.things.unfinished)
        assert ("GET", "/batches?limit=100") not in vendor.asked, "nobody looks for it"


async def test_what_cannot_be_bound_is_cancelled_and_charged(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        w.objects.is_read_only = True
        heard = await w.client.call("POST", "/v1/batches", asked(file_id))
        assert (heard.status, heard.code) == (503, "meter_unavailable")
        assert heard.headers["x-should-retry"] == "false"
        [batch] = vendor.batches.values()
        assert batch["id"].encode() not in heard.body
        await until(lambda: len(w.events) == 1)
        assert batch["status"] == "cancelled"
        assert w.events[0].charge_micro == 0


async def test_an_id_of_another_companys_is_neither_told_nor_cancelled(tmp_path: Path) -> None:
    vendor = BatchVendor(names=iter(["1", "2", "3", "2"]))
    async with two_companies(vendor, tmp_path) as (w, other):
        await begun(w)
        theirs = (await upload(other)).json["id"]
        heard = await other.call("POST", "/v1/batches", asked(theirs))
        assert (heard.status, heard.code) == (502, "upstream_error")
        await until(lambda: len(w.things.unfinished) == 1)
        await asyncio.sleep(0.1)
        assert vendor.batches["batch_2"]["status"] == "in_progress"


async def test_a_strangers_file_is_never_an_output(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with two_companies(vendor, tmp_path) as (w, other):
        theirs = (await upload(other)).json["id"]
        batch, _ = await begun(w)
        [made] = vendor.batches.values()
        made |= {"status": "completed", "output_file_id": theirs, "error_file_id": ["x"]}
        shown = (await w.client.call("GET", f"/v1/batches/{batch['id']}")).json
        assert (shown["output_file_id"], shown["error_file_id"]) == (None, None)
        assert (await w.client.call("GET", f"/v1/files/{theirs}")).status == 404


async def test_a_repeat_is_answered_alike_and_makes_nothing_new(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        key = {"idempotency-key": "k1"}
        file_id = (await upload(w.client)).json["id"]
        first = await w.client.call("POST", "/v1/batches", asked(file_id), headers=key)
        again = await w.client.call("POST", "/v1/batches", asked(file_id), headers=key)
        assert first.json == again.json
        other = await w.client.call("POST", "/v1/batches", asked(file_id, metadata={}), headers=key)
        assert other.code == "idempotency_mismatch"
        assert len(vendor.batches) == 1
        vendor.finish()
        await ended(w)


async def test_cancelled_by_its_company(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, _ = await begun(w)
        heard = await w.client.call("POST", f"/v1/batches/{batch['id']}/cancel")
        assert (heard.status, heard.json["status"]) == (200, "cancelled")
        assert (await ended(w)).charge_micro == 0
        again = await w.client.call("POST", f"/v1/batches/{batch['id']}/cancel")
        assert (again.status, again.code) == (400, "upstream_rejected")


async def test_files_of_a_batch_that_runs_are_not_deleted(tmp_path: Path) -> None:
    """Nor is its output, while it is not charged."""
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, _ = await begun(w)
        vendor.statuses["GET", "/files/file-3/content"] = 500
        path = f"/v1/files/{batch['input_file_id']}"
        assert (await w.client.call("DELETE", path)).status == 409
        vendor.finish()
        await until(lambda: vendor.asked.count(("GET", "/files/file-3/content")) > 0)
        for one in (path, "/v1/files/file-3"):
            heard = await w.client.call("DELETE", one)
            assert (heard.status, heard.code) == (409, "invalid_request")
        vendor.statuses.clear()
        assert (await ended(w)).charge_micro == 3 * LINE_MICRO
        for one in (path, "/v1/files/file-3"):
            assert (await w.client.call("DELETE", one)).status == 200


async def test_one_that_never_ends_is_cancelled(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        w.clock_ms[0] += int((FOLLOW_PACE.life_s + 1) * 1000)
        await ended(w)
        [batch] = vendor.batches.values()
        assert batch["status"] == "cancelled"


# -- when the gateway goes


async def adopting(w: World, tmp_path: Path) -> tuple[Background, Meter, Upstream]:
    """A second gateway on the same purse, with the same books."""
    meter = Meter(
        purse=w.purse,
        treasury=w.treasury,
        journal_directory=tmp_path / "second",
        gateway_id="g2",
        now_ms=lambda: w.clock_ms[0],
        wait_for_funds_s=0.3,
        unposted_bytes_max=1 << 20,
    )
    await meter.start()
    upstream = Upstream(allow_private=True)
    await upstream.start()
    parts = ObjectParts(
        upstream=upstream,
        routing=ALWAYS_HEALTHY,
        objects=w.objects,
        directory=w.directory,
        meter=meter,
        pace=FOLLOW_PACE,
    )
    background = Background(
        meter=meter,
        things=w.things,
        vendor=StoredVendor(upstream, answer_bytes_max=1 << 20),
        directory=w.directory,
        now_ms=lambda: w.clock_ms[0],
        pace=FOLLOW_PACE,
        others={"batch": parts.follower},
    )
    background.start()
    return background, meter, upstream


@pytest.mark.parametrize(("was_swept", "was_killed"), [(True, True), (True, False), (False, False)])
async def test_another_gateway_follows_on(tmp_path: Path, was_swept: bool, was_killed: bool) -> None:
    """Stopped, it hands on what it follows; killed, it says nothing more to anybody."""
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, usage_id = await begun(w)
        await until(lambda: vendor.polls(batch["id"]) > 0)
        w.things.is_away = was_killed
        await w.background.close()
        w.things.is_away = False
        w.things.gone |= {"g1"} if was_killed else set()
        assert vendor.batches[batch["id"]]["status"] == "in_progress"
        if was_swept:
            [((n, op), _)] = w.purse.data.lane(lane_of("gaonde")).holds.items()
            await w.purse.sweep(lane=lane_of("gaonde"), n=n, op=op, gateway_id="g1")
        background, meter, upstream = await adopting(w, tmp_path)
        try:
            vendor.finish()
            await until(lambda: not w.things.unfinished)
            await until(lambda: len(w.events) == 1)
            [event] = w.events
            assert (event.op, event.charge_micro, event.meta.gateway_id) == (usage_id, 3 * LINE_MICRO, "g1")
            assert await held(w) == "0"
        finally:
            await background.close()
            await meter.close(patience_s=0)
            await upstream.close()


async def test_what_is_kept_says_nothing_of_the_prompts(tmp_path: Path) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        secret = [{"role": "user", "content": "secret words"}]
        await begun(w, jsonl(chat_line("a", messages=secret)))
        [(_, _, call)] = w.things.unfinished.values()
        kept = call + "".join(repr(one) for one in w.objects.objects.values())
        assert "secret" not in kept
        assert "vendor-key" not in kept
