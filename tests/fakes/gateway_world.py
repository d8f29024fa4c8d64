"""A whole gateway in one process: memory purse, books of a few lines, a vendor on a real socket."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry

from gateway.app import Gateway
from gateway.attempts import Attempts
from gateway.background import Asks, Background, FollowPace
from gateway.balance import BookedVoucher
from gateway.calls import Calls
from gateway.directory import Directory
from gateway.objects import ObjectParts
from gateway.ports import ClaimRequest
from gateway.realtime import Realtime
from gateway.realtime_session import SessionLimits
from gateway.realtime_vendors import RealtimeVendors
from gateway.relay import Relay, RelayLimits
from gateway.routing import Routing
from gateway.slices import Pace
from gateway.stored import Stored
from gateway.stored_vendor import StoredVendor
from gateway.telemetry import Telemetry
from gateway.views import Views
from metering.claim import Answered, Claimed, ClaimOutcome, InProgress, Mismatch, NotKept
from metering.directory import ApiKey, Company, KeyLimits, Voucher
from metering.event import UsageEvent
from metering.keys import lane_of
from metering.meter import Meter
from metering.money import MICRO_PER_WON
from metering.prices import PriceEntry
from metering.purse_memory import MemoryPurse
from metering.shares import capacity
from providers.catalogue import Product, UpstreamTarget
from providers.upstream import Upstream
from providers.vendor_sockets import VendorSockets
from tests.fakes.asgi_client import AsgiClient
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_stored import MemoryStored
from tests.fakes.memory_treasury import MemoryTreasury

KEY = "vg_test_key_000000000000"
PEPPER = b"p" * 32
NOW_MS = 1_790_000_000_000
FOLLOW_PACE = FollowPace(first_s=0.01, most_s=0.05, claim_every_s=0.02, ends_every_s=0.02)

Vendor = Callable[[web.Request], Awaitable[web.StreamResponse]]


def price(**per_million: int) -> PriceEntry:
    """Whole won per million tokens."""
    full = {
        "cached_input": per_million.get("input", 0),
        "cache_write": per_million.get("input", 0),
        **per_million,
    }
    micro: dict[str, Any] = {name: won * MICRO_PER_WON for name, won in full.items()}
    return PriceEntry(entry_id="x1@0", valid_from="2026-01-01T00:00:00+09:00", valid_from_ms=0, **micro)


def product(
    origin: str,
    *,
    dialect: str = "openai",
    credential: str = "vendor-key",
    quirks: str | None = None,
    **changes: Any,
) -> Product:
    target = UpstreamTarget(
        target_id="x1/0",
        dialect=dialect,
        vendor=quirks,
        base_url=origin + ("/v1" if dialect == "openai" else ""),
        model="vendor-model",
        api_key=credential,
    )
    made = Product(
        product_id="x1",
        provider_id="nuri",
        scale="hyperscale",
        purposes=frozenset({"chat", "embedding"}),
        context_tokens=128_000,
        max_output_tokens=4096,
        input_overhead_tokens=0,
        data_location="KR",
        on_client_gone="drain",
        upstreams=(target,),
        prices=(price(input=1000, output=4000),),
    )
    return replace(made, **changes)


def voucher(government_krw: int = 7_500_000, self_krw: int = 2_500_000, **changes: Any) -> Voucher:
    made = Voucher(
        voucher_id="v1",
        company_id="gaonde",
        programme_id="p1",
        products=None,
        state="active",
        starts_ms=0,
        ends_ms=4_000_000_000_000,
        share_ppm=750_000,
        stopped_by="government",
        government_granted_micro=government_krw * MICRO_PER_WON,
        self_granted_micro=self_krw * MICRO_PER_WON,
    )
    return replace(made, **changes)


def api_key(**changes: Any) -> ApiKey:
    made = ApiKey(
        key_id="gaonde/backend",
        key_hash=digest(PEPPER, KEY.encode(), sha256),
        company_id="gaonde",
        name="backend",
        products=None,
        expires_ms=None,
        revoked=False,
        allowed_networks=None,
        limits=KeyLimits(),
    )
    return replace(made, **changes)


@dataclass(frozen=True, slots=True)
class Everything:
    """gateway.directory.Delta."""

    revision: int = 1
    companies: tuple[Company, ...] = (Company("gaonde", None),)
    vouchers: tuple[Voucher, ...] = ()
    api_keys: tuple[ApiKey, ...] = ()
    products: tuple[Product, ...] = ()


class AlwaysHealthy:
    """gateway.routing.HealthBook that remembers nothing."""

    def is_healthy(self, target_id: str, now_s: float) -> bool:
        return True

    def success(self, target_id: str) -> None:
        return

    def failure(self, target_id: str, now_s: float) -> None:
        return


ALWAYS_HEALTHY: Final = Routing(AlwaysHealthy(), now_s=lambda: 0.0, chance=lambda: 0.5)


class MemoryAnswers:
    """gateway.ports.IdempotencyStore."""

    def __init__(self) -> None:
        self._rows: dict[bytes, tuple[bytes, str, str, bytes | None]] = {}

    async def claim(self, request: ClaimRequest) -> ClaimOutcome:
        row = self._rows.get(request.key_hash)
        if row is None:
            self._rows[request.key_hash] = (request.body_hash, request.op, "running", None)
            return Claimed(request.op)
        body_hash, op, state, sealed = row
        if body_hash != request.body_hash:
            return Mismatch()
        if state == "running":
            return InProgress()
        if state == "left":
            self._rows[request.key_hash] = (body_hash, op, "running", None)
            return Claimed(op)
        return NotKept(op) if sealed is None else Answered(op, sealed)

    async def finish(self, request: ClaimRequest, op: str, sealed: bytes | None) -> None:
        self._rows[request.key_hash] = (request.body_hash, op, "done", sealed)

    async def forget(self, request: ClaimRequest, *, keep_op: bool) -> None:
        body_hash, op, _, _ = self._rows[request.key_hash]
        if keep_op:
            self._rows[request.key_hash] = (body_hash, op, "left", None)
        else:
            del self._rows[request.key_hash]


class MemoryBooks:
    """gateway.ports.Books, before anything was posted."""

    def __init__(self, vouchers: tuple[Voucher, ...]) -> None:
        self._vouchers = vouchers

    async def vouchers(self, company_id: str) -> list[BookedVoucher]:
        return [
            BookedVoucher(
                voucher_id=v.voucher_id,
                programme_id=v.programme_id,
                state=v.state,
                ends_on="2026-10-31",
                share_ppm=v.share_ppm,
                government_granted_micro=v.government_granted_micro,
                self_granted_micro=v.self_granted_micro,
                spent_micro=0,
                frozen_micro=0,
            )
            for v in self._vouchers
            if v.company_id == company_id
        ]

    async def usage_page(self, company_id: str, filters: Any) -> dict[str, Any]:
        return {"data": [], "next_cursor": None}

    async def usage_one(self, company_id: str, usage_id: str) -> dict[str, Any] | None:
        return None


@dataclass(slots=True)
class World:
    client: AsgiClient
    purse: MemoryPurse
    treasury: MemoryTreasury
    meter: Meter
    directory: Directory
    gateway: Gateway
    seen: list[Any] = field(default_factory=list)  # bodies the vendor got; what is no JSON as bytes
    clock_ms: list[int] = field(default_factory=lambda: [NOW_MS])
    things: MemoryStored = field(default_factory=MemoryStored)
    background: Background = field(init=False)
    objects: MemoryObjects = field(init=False)

    @property
    def events(self) -> list[UsageEvent]:
        """What the books were told of settled calls, in order."""
        entries = self.purse.data.lane(lane_of("gaonde")).log
        return [UsageEvent.from_bytes(e.fields["e"]) for e in entries if e.kind == "settled"]

    async def voucher(self) -> dict[str, Any]:
        heard = await self.client.call("GET", "/v1/voucher")
        assert heard.status == 200, heard.body
        shown: dict[str, Any] = heard.json["vouchers"][0]
        return shown


def _realtime(
    calls: Calls, meter: Meter, sockets: VendorSockets, telemetry: Telemetry, limits: SessionLimits
) -> Realtime:
    vendors = RealtimeVendors(sockets, ALWAYS_HEALTHY)
    return Realtime(
        calls=calls, meter=meter, vendors=vendors, telemetry=telemetry, limits=limits, now_ms=lambda: NOW_MS
    )


def _granted(purse: MemoryPurse, vouchers: tuple[Voucher, ...], halves: bool) -> MemoryTreasury:
    treasury = MemoryTreasury(purse, halves=halves)
    for v in vouchers:
        total = capacity(
            grant_micro=v.government_granted_micro,
            deposit_micro=v.self_granted_micro,
            share_ppm=v.share_ppm,
        ).total_micro
        treasury.grant(v, total)
    return treasury


@asynccontextmanager
async def world(
    vendor: Vendor,
    tmp_path: Path,
    *,
    vouchers: tuple[Voucher, ...] = (voucher(),),
    key: ApiKey | None = None,
    wait_for_funds_s: float = 0.3,
    halves: bool = False,
    company: Company | None = None,
    things: MemoryStored | None = None,
    talk: Vendor | None = None,
    life_s: float = 3600.0,
    idle_s: float = 600.0,
    follow_pace: FollowPace = FOLLOW_PACE,
    **product_changes: Any,
) -> AsyncIterator[World]:
    """`talk` is the vendor's side of realtime sessions; the limits after it are theirs."""
    seen: list[Any] = []
    runner, port = await _serve(vendor, seen, talk)
    clock_ms = [NOW_MS]
    purse = MemoryPurse(now_ms=lambda: clock_ms[0])
    treasury = _granted(purse, vouchers, halves)
    meter = Meter(
        purse=purse,
        treasury=treasury,
        journal_directory=tmp_path / "unposted",
        gateway_id="g1",
        now_ms=lambda: clock_ms[0],
        wait_for_funds_s=wait_for_funds_s,
        unposted_bytes_max=64 * 1024 * 1024,
    )
    await meter.start()
    upstream = Upstream(allow_private=True)
    await upstream.start()
    sockets = VendorSockets(allow_private=True)
    directory = Directory()
    directory.apply(
        Everything(
            companies=(company or Company("gaonde", None),),
            vouchers=vouchers,
            api_keys=(key or api_key(),),
            products=(product(f"http://127.0.0.1:{port}", **product_changes),),
        )
    )
    things = things or MemoryStored()
    listed = MemoryObjects(things)
    objects = _objects(meter, listed, upstream, directory)
    stored = _stored(meter, things, upstream, directory, clock_ms, follow_pace, {"batch": objects.follower})
    pace = Pace(checkpoint_s=2.0, checkpoint_tokens=256, wait_for_funds_s=wait_for_funds_s)
    relay = _relay(meter, stored, upstream, clock_ms, pace)
    make_op = map("op{}".format, itertools.count(1)).__next__
    requests = itertools.count(1)
    telemetry = Telemetry(CollectorRegistry(), lambda line: None)
    calls = Calls(
        directory=directory,
        meter=meter,
        relay=relay,
        answers=MemoryAnswers(),
        stored=stored,
        own=objects.own,
        now_ms=lambda: clock_ms[0],
        make_op=make_op,
        body_bytes_max=1 << 20,
    )
    gateway = Gateway(
        directory=directory,
        calls=calls,
        realtime=_realtime(calls, meter, sockets, telemetry, SessionLimits(pace, life_s, idle_s, 0.05)),
        views=Views(
            directory=directory, purse=purse, books=MemoryBooks(vouchers), now_ms=lambda: clock_ms[0]
        ),
        stored=stored,
        objects=objects.routes(
            calls=calls, background=stored.background, make_op=make_op, now_ms=lambda: clock_ms[0]
        ),
        telemetry=telemetry,
        pepper=PEPPER,
        now_ms=lambda: clock_ms[0],
        make_request_id=lambda: f"req{next(requests)}",
        is_ready=lambda: True,
    )
    try:
        made = World(AsgiClient(gateway, KEY), purse, treasury, meter, directory, gateway, seen, clock_ms)
        made.things, made.background, made.objects = things, stored.background, listed
        yield made
    finally:
        await stored.background.close()
        await meter.close(patience_s=0)
        await upstream.close()
        await sockets.close()
        await runner.cleanup()


async def _serve(vendor: Vendor, seen: list[Any], talk: Vendor | None) -> tuple[web.AppRunner, int]:
    """The vendor on a port."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if raw := await request.read():
            seen.append(orjson.loads(raw) if request.content_type == "application/json" else raw)
        return await vendor(request)

    app = web.Application()
    if talk is not None:
        app.router.add_get("/{tail:.*}", talk)
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, runner.addresses[0][1]


def _relay(meter: Meter, stored: Stored, upstream: Upstream, clock_ms: list[int], pace: Pace) -> Relay:
    return Relay(
        meter=meter,
        stored=stored,
        attempts=Attempts(upstream, ALWAYS_HEALTHY),
        now_ms=lambda: clock_ms[0],
        limits=RelayLimits(
            answer_bytes_max=1 << 20,
            event_bytes_max=1 << 20,
            drain_client_gone_s=2.0,
            drains_max=10,
            pace=pace,
        ),
    )


def _objects(meter: Meter, listed: MemoryObjects, upstream: Upstream, directory: Directory) -> ObjectParts:
    return ObjectParts(
        upstream=upstream,
        routing=ALWAYS_HEALTHY,
        objects=listed,
        directory=directory,
        meter=meter,
        pace=FOLLOW_PACE,
    )


def _stored(
    meter: Meter,
    things: MemoryStored,
    upstream: Upstream,
    directory: Directory,
    clock_ms: list[int],
    pace: FollowPace,
    others: dict[str, Asks],
) -> Stored:
    """Following in a test's time."""
    vendor = StoredVendor(upstream, answer_bytes_max=1 << 20)
    background = Background(
        meter=meter,
        things=things,
        vendor=vendor,
        directory=directory,
        now_ms=lambda: clock_ms[0],
        pace=pace,
        others=others,
    )
    background.start()
    return Stored(
        things=things,
        vendor=vendor,
        background=background,
        directory=directory,
        gateway_id=meter.gateway_id,
    )


def answer(prompt_tokens: int = 10, completion_tokens: int = 5, **changes: Any) -> dict[str, Any]:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "vendor-model",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }
    return {**body, **changes}


def chunk(
    content: str | None = None, *, finish: str | None = None, usage: dict[str, int] | None = None
) -> bytes:
    choices = [{"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}]
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "vendor-model",
        "choices": [] if usage else choices,
    }
    if usage:
        body["usage"] = usage
    return b"data: " + orjson.dumps(body) + b"\n\n"
