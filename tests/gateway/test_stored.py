"""What a vendor keeps for a company: it is the company's before it knows the id, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from gateway.ports import StoredThing
from gateway.stored import AT_ONCE_MAX
from metering.directory import ApiKey, Company
from tests.fakes.asgi_client import AsgiClient, Heard
from tests.fakes.gateway_world import KEY, PEPPER, Everything, Vendor, World, api_key, product, voucher, world
from tests.fakes.memory_stored import MemoryStored
from tests.fakes.stored_vendor import StoringVendor

ROUTE = "/v1/responses"
ASK = {"model": "x1", "input": "hi"}
KEEP = {**ASK, "store": True}
OTHER_KEY = "vg_other_key_00000000000"
CHARGE_MICRO = 56_000
ROUTES = [
    ("GET", f"{ROUTE}/{{}}"),
    ("DELETE", f"{ROUTE}/{{}}"),
    ("POST", f"{ROUTE}/{{}}/cancel"),
    ("GET", f"{ROUTE}/{{}}/input_items"),
]


def key_of(company_id: str, text: str, **changes: Any) -> ApiKey:
    return api_key(
        key_id=f"{company_id}/other",
        key_hash=digest(PEPPER, text.encode(), sha256),
        company_id=company_id,
        name="other",
        **changes,
    )


@asynccontextmanager
async def two_companies(vendor: Vendor, tmp_path: Path) -> AsyncIterator[tuple[World, AsgiClient]]:
    """The world's own company, and another with money and every product."""
    async with world(vendor, tmp_path) as w:
        theirs = voucher(voucher_id="v2", company_id="other")
        w.treasury.grant(theirs, 10**12)
        w.directory.apply(
            Everything(
                revision=2,
                companies=(Company("other", None),),
                vouchers=(theirs,),
                api_keys=(key_of("other", OTHER_KEY),),
            )
        )
        yield w, AsgiClient(w.gateway, OTHER_KEY)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


def assert_unknown(heard: Heard) -> None:
    assert (heard.status, heard.code) == (404, "id_not_found")
    assert heard.json["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_another_companys_does_not_exist(tmp_path: Path, method: str, path: str) -> None:
    vendor = StoringVendor()
    async with two_companies(vendor, tmp_path) as (w, other):
        made = (await w.client.call("POST", ROUTE, KEEP)).json["id"]
        assert_unknown(await other.call(method, path.format(made)))
        assert_unknown(await w.client.call(method, path.format("resp_never")))
        assert vendor.asked == [], "the vendor would have answered"
        heard = await w.client.call(method, path.format(made))
        assert heard.status == (400 if path.endswith("cancel") else 200), "the company's own"
        assert len(vendor.asked) == 1


async def test_what_is_kept_is_read_again_at_no_charge(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        made = await w.client.call("POST", ROUTE, KEEP)
        path = f"{ROUTE}/{made.json['id']}"
        assert w.seen[0]["store"] is True
        read = await w.client.call(
            "GET", path + "?include[]=message.output_text.logprobs&secret=1&stream=false"
        )
        assert read.json == made.json
        assert read.json["model"] == "x1"
        assert "x-voucher-charge-krw" not in read.headers
        items = await w.client.call("GET", f"{path}/input_items?limit=2&order=asc&cursor=x")
        assert items.json["data"][0]["id"] == "msg_1"
        gone = await w.client.call("DELETE", path)
        assert gone.json["deleted"] is True
        for method in ("GET", "DELETE"):
            assert_unknown(await w.client.call(method, path))
        assert vendor.asked == [
            ("GET", f"{path}?include%5B%5D=message.output_text.logprobs&stream=false"),
            ("GET", f"{path}/input_items?limit=2&order=asc"),
            ("DELETE", path),
        ]
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("more", [{}, {"store": False}, {"store": None}])
async def test_what_was_not_to_be_kept_is_not(tmp_path: Path, stream: bool, more: dict[str, Any]) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, {**ASK, **more, "stream": stream})
        assert heard.status == 200
        assert w.seen[0]["store"] is False
        assert w.things.things == {}
        assert_unknown(await w.client.call("GET", f"{ROUTE}/resp_1"))


class SlowStored(MemoryStored):
    """Notes what its client has got when the binding is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.sent_before: list[bytes] = []

    async def bind(self, thing: StoredThing, *, gateway_id: str, call: str | None) -> bool:
        await asyncio.sleep(0.05)
        self.sent_before.append(b"".join(self.sent))
        return await super().bind(thing, gateway_id=gateway_id, call=call)

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message.get("body", b""))

    def put(self, body: bytes) -> bool:
        """As our own server takes a piece: at once."""
        self.sent.append(body)
        return True


@pytest.mark.parametrize("more", [{"stream": True}, {}, {"background": True}])
async def test_it_is_bound_before_its_client_learns_the_id(tmp_path: Path, more: dict[str, Any]) -> None:
    things = SlowStored()
    async with world(StoringVendor(), tmp_path, things=things) as w:
        bodies = [orjson.dumps({**KEEP, **more})]

        async def receive() -> MutableMapping[str, Any]:
            if not bodies:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": bodies.pop()}

        head = [(b"authorization", f"Bearer {KEY}".encode())]
        scope = {"type": "http", "method": "POST", "path": ROUTE, "query_string": b"", "headers": head}
        await w.gateway(scope, receive, things)
        assert len(things.sent_before) == 1
        assert b"resp_1" not in things.sent_before[0]
        assert b"resp_1" in b"".join(things.sent)


async def test_who_leaves_with_the_first_frame_may_read_it_later(tmp_path: Path) -> None:
    async with world(StoringVendor(pause_s=0.02), tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, {**KEEP, "stream": True}, leave_after=1)
        assert b'"resp_1"' in heard.body
        assert (await w.client.call("GET", f"{ROUTE}/resp_1")).status == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_what_cannot_be_bound_is_not_told(tmp_path: Path, stream: bool) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        w.things.is_away = True
        heard = await w.client.call("POST", ROUTE, {**KEEP, "stream": stream})
        assert (heard.status, heard.code) == (503, "meter_unavailable")
        assert b"resp_1" not in heard.body
        again = await w.client.call("GET", f"{ROUTE}/resp_1")
        assert (again.status, again.code) == (503, "meter_unavailable")
        plain = await w.client.call("POST", ROUTE, ASK)
        assert plain.status == 200, "which needs nothing of it"


async def test_an_id_given_out_twice_stays_the_first_companys(tmp_path: Path) -> None:
    vendor = StoringVendor(names=iter(["resp_1", "resp_1"]))
    async with two_companies(vendor, tmp_path) as (w, other):
        assert (await w.client.call("POST", ROUTE, KEEP)).status == 200
        assert (await other.call("POST", ROUTE, KEEP)).status == 200
        assert (await w.client.call("GET", f"{ROUTE}/resp_1")).status == 200
        assert_unknown(await other.call("GET", f"{ROUTE}/resp_1"))


async def test_a_key_without_the_product_may_not_read_its_answers(tmp_path: Path) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        w.directory.apply(
            Everything(revision=2, api_keys=(key_of("gaonde", OTHER_KEY, products=frozenset({"x2"})),))
        )
        heard = await AsgiClient(w.gateway, OTHER_KEY).call("GET", f"{ROUTE}/resp_1")
        assert (heard.status, heard.code) == (403, "product_not_allowed")


async def test_reading_needs_no_voucher(tmp_path: Path) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        w.directory.apply(Everything(revision=2, vouchers=(voucher(state="ended"),)))
        assert (await w.client.call("POST", ROUTE, ASK)).code == "voucher_not_active"
        assert (await w.client.call("GET", f"{ROUTE}/resp_1")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PUT", "/v1/responses/resp_1", 405, "route_not_found"),
        ("POST", "/v1/responses/resp_1", 405, "route_not_found"),
        ("GET", "/v1/responses/resp_1/cancel", 405, "route_not_found"),
        ("GET", "/v1/responses/resp_1/output", 404, "route_not_found"),
        ("GET", "/v1/responses/", 404, "route_not_found"),
        ("GET", "/v1/responses/..", 404, "route_not_found"),
        ("GET", "/v1/responses/a b", 404, "route_not_found"),
        ("GET", "/v1/responses/" + "a" * 300, 404, "route_not_found"),
        ("POST", "/v1/responses/compact", 404, "route_not_found"),
        ("POST", "/v1/responses/input_tokens", 404, "route_not_found"),
        ("GET", "/v1/responses/resp_1?" + "&".join("a=b" for _ in range(30)), 400, "invalid_request"),
    ],
)
async def test_other_routes(tmp_path: Path, method: str, path: str, status: int, code: str) -> None:
    vendor = StoringVendor()
    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        heard = await w.client.call(method, path)
        assert (heard.status, heard.code) == (status, code)
        assert vendor.asked == []


async def test_reading_much_at_once_is_refused(tmp_path: Path) -> None:
    vendor = StoringVendor(delay_s=0.1)
    async with two_companies(vendor, tmp_path) as (w, other):
        await w.client.call("POST", ROUTE, KEEP)
        reads = [w.client.call("GET", f"{ROUTE}/resp_1") for _ in range(AT_ONCE_MAX + 2)]
        heard = await asyncio.gather(*reads, other.call("GET", f"{ROUTE}/resp_1"))
        assert [one.status for one in heard] == [200] * AT_ONCE_MAX + [429] * 2 + [404]
        assert heard[-2].code == "too_many_concurrent"
        assert (await w.client.call("GET", f"{ROUTE}/resp_1")).status == 200


async def test_what_goes_on_is_read_as_a_stream(tmp_path: Path) -> None:
    """From where the client left it; free, and charged by the call itself before its end is shown."""
    vendor = StoringVendor(pause_s=0.02)
    async with world(vendor, tmp_path) as w:
        begin = {**ASK, "background": True, "stream": True}
        await w.client.call("POST", ROUTE, begin, leave_after=1)
        heard = await w.client.call("GET", f"{ROUTE}/resp_1?stream=true&starting_after=2")
        assert heard.headers["content-type"].startswith("text/event-stream")
        kinds = [frame.split("\n")[0].removeprefix("event: response.") for frame in heard.frames]
        assert kinds == ["output_text.delta", "output_text.delta", "completed"]
        assert '"model": "x1"' in heard.frames[-1]
        assert "vendor-model" not in heard.body.decode()
        assert [event.charge_micro for event in w.events] == [CHARGE_MICRO]


async def test_a_stream_of_a_kept_answer_that_breaks(tmp_path: Path) -> None:
    vendor = StoringVendor()
    async with two_companies(vendor, tmp_path) as (w, other):
        await w.client.call("POST", ROUTE, {**ASK, "background": True})
        assert_unknown(await other.call("GET", f"{ROUTE}/resp_1?stream=true"))
        vendor.cuts_streams_after = 3
        heard = await w.client.call("GET", f"{ROUTE}/resp_1?stream=true")
        assert heard.frames[-1].startswith("event: error")
        assert heard.complete
        assert w.events == []


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (404, "id_not_found", 404),
        (400, "upstream_rejected", 400),
        (429, "upstream_rate_limited", 429),
        (401, "upstream_error", 502),
        (500, "upstream_error", 502),
        (200, "upstream_error", 502),  # no JSON
    ],
)
async def test_what_the_vendor_says_no_to(tmp_path: Path, status: int, code: str, ours: int) -> None:
    inner = StoringVendor()

    async def vendor(request: web.Request) -> web.StreamResponse:
        return await inner(request) if request.method == "POST" else web.Response(status=status, text="no")

    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        heard = await w.client.call("GET", f"{ROUTE}/resp_1")
        assert (heard.status, heard.code) == (ours, code)


# -- going on from an answer


async def test_a_conversation_goes_on_where_it_is_kept(tmp_path: Path) -> None:
    """Only the upstream that has it is asked, whatever the order of the others."""
    async with world(StoringVendor(), tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        [held] = w.directory.products["x1"].upstreams
        elsewhere = replace(held, target_id="x1/1", api_key="another account", priority=0)
        two = replace(w.directory.products["x1"], upstreams=(elsewhere, held))
        w.directory.apply(Everything(revision=2, products=(two,)))
        heard = await w.client.call("POST", ROUTE, {**ASK, "previous_response_id": "resp_1"})
        assert heard.status == 200
        assert w.seen[-1]["previous_response_id"] == "resp_1"
        assert w.events[-1].upstream == "x1/0"
        assert w.events[-1].meta.op == heard.headers["x-voucher-usage-id"]


async def test_nobody_goes_on_from_anothers_answer(tmp_path: Path) -> None:
    async with two_companies(StoringVendor(), tmp_path) as (w, other):
        await w.client.call("POST", ROUTE, KEEP)
        for client, name in ((other, "resp_1"), (w.client, "resp_never"), (w.client, "a b"), (w.client, "")):
            heard = await client.call("POST", ROUTE, {**ASK, "previous_response_id": name})
            assert_unknown(heard)
            assert heard.json["error"]["param"] == "previous_response_id"
        assert len(w.seen) == 1, "the vendor was not asked"
        assert (await w.voucher())["government"]["held_krw"] == "0"


async def test_another_account_cannot_go_on_from_it(tmp_path: Path) -> None:
    async with world(StoringVendor(), tmp_path) as w:
        await w.client.call("POST", ROUTE, KEEP)
        [held] = w.directory.products["x1"].upstreams
        made = product("http://127.0.0.1:1", product_id="x2")
        same = replace(made, upstreams=(replace(held, target_id="x2/0"),))
        foreign = replace(made, product_id="x3", upstreams=(replace(held, target_id="x3/0", api_key="k2"),))
        w.directory.apply(Everything(revision=2, products=(same, foreign)))
        ask = {"input": "and?", "previous_response_id": "resp_1"}
        assert (await w.client.call("POST", ROUTE, {**ask, "model": "x2"})).status == 200
        refused = await w.client.call("POST", ROUTE, {**ask, "model": "x3"})
        assert (refused.status, refused.code) == (400, "invalid_request")
        assert refused.json["error"]["param"] == "previous_response_id"
        assert "x1" in refused.json["error"]["message"]


async def test_a_scarce_balance_asks_for_less_instead_of_cutting(tmp_path: Path) -> None:
    """What was cut here might be whole at the vendor, and be read there for nothing."""
    scarce = voucher(1, 0, share_ppm=1_000_000)
    async with world(StoringVendor(), tmp_path, vouchers=(scarce,)) as w:
        heard = await w.client.call("POST", ROUTE, {**KEEP, "max_output_tokens": 4000})
        assert heard.status == 200
        lowered = int(heard.headers["x-voucher-max-output-tokens"])
        assert w.seen[0]["max_output_tokens"] == lowered < 4000
        assert "stream" not in w.seen[0]


@pytest.mark.parametrize("leave_after", [2, None])
async def test_a_stream_of_which_the_vendor_says_no_more(tmp_path: Path, leave_after: int | None) -> None:
    """Charged for what was delivered, as any other that breaks off."""
    vendor = StoringVendor(cuts_streams_after=4, pause_s=0.02)
    async with world(vendor, tmp_path) as w:
        await w.client.call("POST", ROUTE, {**KEEP, "stream": True}, leave_after=leave_after)
        await until(lambda: bool(w.things.unfinished))
        w.clock_ms[0] += 901_000
        await until(lambda: not w.things.unfinished)
        [event] = w.events
        reason = "upstream_error" if leave_after is None else "client_gone"
        assert (event.end_reason, event.estimated, event.tokens["output"]) == (reason, True, 1)
        assert event.client_gone == (leave_after is not None)
        assert event.error == (reason if leave_after is None else None)


async def test_a_stream_that_breaks_is_charged_by_what_the_vendor_made(tmp_path: Path) -> None:
    vendor = StoringVendor(cuts_streams_after=3)
    async with world(vendor, tmp_path) as w:
        heard = await w.client.call("POST", ROUTE, {**KEEP, "stream": True})
        assert heard.frames[-1].startswith("event: error")
        assert "is charged" in heard.frames[-1]
        assert w.events == []
        vendor.finish()
        await until(lambda: bool(w.events))
        assert (w.events[0].charge_micro, w.events[0].estimated) == (CHARGE_MICRO, False)
