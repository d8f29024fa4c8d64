"""Batches: bounded before, followed to their end, charged once by what their lines used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.fakes.batch_vendor import BatchVendor
from tests.fakes.gateway_world import World, world
from tests.gateway.file_talk import LINES, begun, chat_line, held, jsonl, upload
from tests.gateway.test_stored import until

LINE_MICRO = 30_000  # 10 tokens in, 5 out


async def test_a_batch_is_charged_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, usage_id = await begun(w)
        path = f"/v1/batches/{batch['id']}"
        assert await held(w) != "0"
        for _ in range(50):
            assert (await w.client.call("GET", path)).json["status"] == "in_progress"
        assert w.events == []
        vendor.finish()
        for _ in range(50):
            assert (await w.client.call("GET", path)).json["status"] == "completed"
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        assert (event.op, event.charge_micro, event.end_reason) == (usage_id, 3 * LINE_MICRO, "completed")
        assert (event.tokens["input"], event.tokens["output"]) == (30, 15)
        assert (event.units, event.estimated) == ({"requests": 3}, False)
        assert event.upstream_request_id == batch["id"]
        assert await held(w) == "0"
        polls = vendor.polls(batch["id"])
        assert vendor.polls(batch["id"]) == polls, "and not asked any more"


async def test_what_the_vendor_gets(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, _ = await begun(w, metadata={"night": "1"})
        lines = vendor.lines(vendor.batches[batch["id"]])
        assert [line["custom_id"] for line in lines] == ["a", "b", "c"]
        assert {line["body"]["model"] for line in lines} == {"vendor-model"}
        assert vendor.batches[batch["id"]]["metadata"] == {
            "night": "1",
            "voucher_op": w.things.things[("batch", next(iter(w.things.things))[1], batch["id"])].op,
        }
        assert batch["metadata"] == {"night": "1"}
        assert batch["model"] == "x1"
