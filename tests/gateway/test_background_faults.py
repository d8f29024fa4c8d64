"""What was begun in the background is charged, whatever goes wrong before and after its id is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.ports import StoredThing
from tests.fakes.gateway_world import world
from tests.fakes.memory_stored import MemoryStored
from tests.fakes.stored_vendor import StoringVendor
from tests.gateway.test_background import BEGIN, PATH, adopting, begun, held
from tests.gateway.test_stored import CHARGE_MICRO, KEEP, ROUTE, until
from tests.providers.openai_responses.events import RESPONSE, USAGE

STREAM = {**BEGIN, "stream": True}
INPUT = 1000  # won for a million tokens of it


@pytest.mark.parametrize("leave_after", [0, 1])
async def test_who_leaves_before_the_id_is_followed_all_the_same(tmp_path: Path, leave_after: int) -> None:
    vendor = StoringVendor(pause_s=0.05, begins_after_s=0.1)
    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, STREAM, leave_after=leave_after)
        assert w.events == []
        assert next(iter(w.things.things))[2] == "resp_1"
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        assert (event.charge_micro, event.client_gone, event.estimated) == (CHARGE_MICRO, True, False)
        assert vendor.events_sent < 6, "it was left as soon as it had a name"


def created(**response: Any) -> bytes:
    event = {"type": "response.created", "response": {**RESPONSE, "background": True, **response}}
    return b"data: " + orjson.dumps(event) + b"\n\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b": hello\n\n",
        b"data: {]\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        created(id=None),
        created(id=["resp_1"]),
        created(id=""),
        created(id="resp 1"),
        created(id="r" * 300),
        created(id="resp_1", instructions="a" * (2 << 20)),
    ],
)
@pytest.mark.parametrize("leave_after", [0, None])
async def test_a_stream_without_an_id_costs_its_input(
    tmp_path: Path, body: bytes, leave_after: int | None
) -> None:
    """The vendor has taken it and goes on, and nobody can ask how it ends."""

    async def vendor(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="text/event-stream")

    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, STREAM, leave_after=leave_after)
        [event] = w.events
        assert event.charge_micro == event.meta.input_tokens * INPUT > 0
        assert event.estimated
        assert await held(w) == "0"
        if leave_after is None and heard.status != 200:
            assert heard.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "body",
    [
        b"{]",
        b"",
        orjson.dumps({**RESPONSE, "status": "queued", "id": None}),
        orjson.dumps({**RESPONSE, "status": "queued", "id": "resp\n1"}),
        orjson.dumps({**RESPONSE, "status": "queued", "id": 3}),
    ],
)
async def test_an_answer_without_an_id_costs_its_input(tmp_path: Path, body: bytes) -> None:
    async def vendor(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, BEGIN)
        [event] = w.events
        assert event.charge_micro == event.meta.input_tokens * INPUT > 0
        assert (heard.status, heard.code, heard.headers["x-should-retry"]) == (502, "upstream_error", "false")
        assert await held(w) == "0"


@pytest.mark.parametrize("stream", [True, False])
async def test_what_the_vendor_says_has_failed_is_free(tmp_path: Path, stream: bool) -> None:
    failed = {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "sorry"}}

    async def vendor(request: web.Request) -> web.StreamResponse:
        if not stream:
            return web.json_response(failed)
        event = {"type": "response.failed", "response": failed}
        return web.Response(body=b"data: %b\n\n" % orjson.dumps(event), content_type="text/event-stream")

    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, {**BEGIN, "stream": stream})
        assert [event.charge_micro for event in w.events] == [0]


@pytest.mark.parametrize("vendor_id", ["resp_YWJj==", "resp.1~a", "resp:1+2"])
async def test_an_odd_id_is_one_like_another(tmp_path: Path, vendor_id: str) -> None:
    vendor = StoringVendor(names=iter([vendor_id]))
    async with world(vendor, tmp_path) as w:
        assert (await w.client.call("POST", ROUTE, BEGIN)).status == 200
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO]
        assert (await w.client.call("GET", f"{ROUTE}/{vendor_id}")).json["id"] == vendor_id


@pytest.mark.parametrize("vendor_id", ["resp/../1", "resp?a=1#b", "resp%2e"])
async def test_an_id_that_no_path_can_name_is_charged(tmp_path: Path, vendor_id: str) -> None:
    vendor = StoringVendor(names=iter([vendor_id]))
    async with world(vendor, tmp_path) as w:
        assert (await w.client.call("POST", ROUTE, BEGIN)).status == 200
        await until(lambda: len(vendor.asked) > 1)
        assert {path.count("/") for _, path in vendor.asked} == {3}, "it is one word of the vendor's path"
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO]


# -- while its own stream is read


@pytest.mark.parametrize("more", [{"background": True}, {"store": True}])
async def test_a_gateway_that_dies_with_the_stream_is_followed(tmp_path: Path, more: dict[str, Any]) -> None:
    vendor = StoringVendor(pause_s=0.1)
    async with world(vendor, tmp_path) as w:
        calling = asyncio.ensure_future(w.client.call("POST", ROUTE, {**KEEP, **more, "stream": True}))
        await until(lambda: bool(w.things.unfinished))
        refused = await w.client.call("DELETE", PATH)
        assert (refused.status, refused.code) == (400, "invalid_request"), "its count would go with it"
        w.things.gone.add("g1")  # as the books see it
        background, meter, upstream = await adopting(w, tmp_path)
        try:
            await until(lambda: {one[1] for one in w.things.unfinished.values()} == {"g2"})
            vendor.finish()
            await until(lambda: not w.things.unfinished)
            await until(lambda: CHARGE_MICRO in [event.charge_micro for event in w.events])
        finally:
            await calling
            await background.close()
            await meter.close(patience_s=0)
            await upstream.close()
        assert {(event.op, event.charge_micro) for event in w.events} == {("op1", CHARGE_MICRO)}
        assert await held(w) == "0"


async def test_a_stream_that_was_read_to_its_end_is_followed_by_nobody(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, STREAM)
        assert (await w.client.call("DELETE", PATH)).status == 200, "at once: its row is about to go"
        assert w.things.unfinished == {}
        assert vendor.polls("resp_1") == 0
        assert len(w.events) == 1


# -- the books, at the wrong moment


class BrokenStored(MemoryStored):
    """A fault of ours, in the binding."""

    async def bind(self, thing: StoredThing, *, gateway_id: str, call: str | None) -> bool:
        raise RuntimeError("sorry")


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}])
async def test_a_fault_in_the_binding_does_not_lose_the_charge(tmp_path: Path, more: dict[str, Any]) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path, things=BrokenStored()) as w:
        with capture_logs() as logs:
            heard = await w.client.call("POST", ROUTE, {**KEEP, **more})
        assert (heard.status, logs[0]["log_level"]) == (500, "error")
        assert b"resp_1" not in heard.body
        vendor.finish()
        await until(lambda: len(w.events) == 1)
        assert w.events[0].charge_micro == CHARGE_MICRO
        assert await held(w) == "0"


class SlowBooks(MemoryStored):
    async def bind(self, thing: StoredThing, *, gateway_id: str, call: str | None) -> bool:
        await asyncio.sleep(0.2)
        return await super().bind(thing, gateway_id=gateway_id, call=call)


async def test_no_row_is_written_after_its_end(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path, things=SlowBooks()) as w:
        calling = asyncio.ensure_future(w.client.call("POST", ROUTE, BEGIN))
        await until(lambda: bool(vendor.kept))
        vendor.finish()
        await calling
        await until(lambda: bool(w.events))
        await until(lambda: not w.things.unfinished)
        assert (await w.client.call("DELETE", PATH)).status == 200


async def test_followed_twice_is_followed_once_and_no_hold_stays(tmp_path: Path) -> None:
    """Its row is claimed before the call itself hands its hold over."""
    vendor = StoringVendor(pause_s=0.05)
    async with world(vendor, tmp_path) as w:
        await begun(w)
        [(thing, _, call)] = w.things.unfinished.values()
        w.things.unfinished[thing.op] = thing, "", call
        await until(lambda: w.things.unfinished[thing.op][1] == "g1")
        w.things.unfinished["op7"] = replace(thing, op="op7"), "", call.replace(thing.op, "op7")
        await until(lambda: w.things.unfinished["op7"][1] == "g1")
        vendor.finish()
        await until(lambda: not w.things.unfinished)
        assert sorted(event.op for event in w.events if event.op == thing.op) == [thing.op]
        assert await held(w) == "0"


class DeafVendor(StoringVendor):
    """Refuses the first questions to stop."""

    refusals: int = 2

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/cancel") and self.refusals:
            self.asked.append((request.method, request.path_qs))
            self.refusals -= 1
            return web.json_response({"error": {"message": "later"}}, status=500)
        return await super().__call__(request)


async def test_a_cancel_that_failed_is_tried_again(tmp_path: Path) -> None:
    vendor = DeafVendor()
    async with world(vendor, tmp_path) as w:
        w.things.is_away = True
        await w.client.call("POST", ROUTE, BEGIN)
        await until(lambda: len(w.events) == 1)
        w.things.is_away = False
        assert vendor.kept["resp_1"]["status"] == "cancelled"
        assert vendor.asked.count(("POST", f"{PATH}/cancel")) == 3
        assert vendor.polls("resp_1") == 2, "and what has become of it is read meanwhile"


async def test_what_was_read_of_it_counts_where_the_vendor_counts_nothing(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await begun(w)
        vendor.texts, vendor.cuts_streams_after = ["a" * 400, "b" * 400], 5
        await w.client.call("GET", f"{PATH}?stream=true")
        vendor.finish("cancelled", None)
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        assert (event.estimated, event.tokens["output"]) == (True, 200)


async def test_what_was_read_of_it_at_another_gateway_counts_too(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        usage_id = await begun(w)
        for tokens in (700, 300):
            await w.things.note_delivered(usage_id, tokens)
        vendor.finish("cancelled", None)
        await until(lambda: not w.things.unfinished)
        assert w.events[0].tokens["output"] == 700
        assert USAGE["output_tokens"] == 9
