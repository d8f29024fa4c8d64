"""The data plane put together: books, purse, meter, directory, upstream, and the ASGI callable over them.

Importing this file imports them all, so only the gateway role does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog
from prometheus_client import CollectorRegistry
from psycopg_pool import PoolTimeout

from billing.database import Pool, open_pool
from billing.gateways import register_gateway
from billing.secrets import Secrets
from billing.treasury import SqlTreasury
from config.settings import Limits, Settings
from gateway.app import Gateway
from gateway.attempts import Attempts
from gateway.background import Asks, Background, FollowPace
from gateway.calls import Calls
from gateway.directory import Directory
from gateway.objects import ObjectParts
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
from launch import logs, metric_files, roles
from launch.farewell import end_meter
from launch.gateway_books import AWAY, BooksOfUsage, DirectoryRows, KeptAnswers, StoredRows
from launch.gateway_objects import ObjectRows
from launch.serving import Application
from launch.tracing import build_spans
from metering.meter import Meter
from metering.purse import PurseUnavailable
from metering.purse_redis import RedisPurse, connect_purse
from metering.treasury import TreasuryUnavailable
from providers.health import Health
from providers.upstream import Upstream
from providers.vendor_sockets import VendorSockets

METRICS_EVERY_S: Final = 1.0
SERVERS_PATIENCE_S: Final = 5.0
SERVERS_PAUSE_S: Final = 0.2

log = structlog.get_logger(__name__)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class _Ids:
    """Ids of one process: time, then what no other process has, then a count. Unique, and sorted by time.

    Nobody's safety rests on guessing them: whatever they name is asked for with the owner's key.
    """

    def __init__(self) -> None:
        self._mine = os.urandom(6).hex()
        self._count = itertools.count()

    def op(self) -> str:
        return f"{now_ms():012x}{self._mine}{next(self._count) & 0xFFFFFFFF:08x}"

    def request_id(self) -> str:
        return f"req_{self._mine}{next(self._count):012x}"


class GatewayRole:
    """One gateway process's world; `launch.gateway_main` serves its application and closes it."""

    def __init__(self, *, application: Application, opened: AsyncExitStack) -> None:
        self.application = application
        self.draining = False
        self._opened = opened

    def begin_drain(self) -> None:
        self.draining = True

    async def close(self) -> None:
        await self._opened.aclose()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What waits: connections, and what stands on them. Each is closed by the stack it was opened on."""

    secrets: Secrets
    pool: Pool
    purse: RedisPurse
    meter: Meter
    upstream: Upstream
    sockets: VendorSockets


async def build_gateway(settings: Settings, *, gateway_id: str) -> GatewayRole:
    """Waits a moment for servers that are away: they are back sooner than another process is.

    Raises Refused, or what a server that stays away raises; nothing is left open then.
    """
    deadline_s = time.monotonic() + SERVERS_PATIENCE_S
    while True:
        try:
            return await _build_once(settings, gateway_id=gateway_id)
        except (psycopg.OperationalError, PoolTimeout, PurseUnavailable, TreasuryUnavailable) as error:
            if time.monotonic() > deadline_s:
                raise
            log.warning("servers not reached", reason=type(error).__name__)
            await asyncio.sleep(SERVERS_PAUSE_S)


async def _build_once(settings: Settings, *, gateway_id: str) -> GatewayRole:
    async with AsyncExitStack() as opened:
        parts = await _open_parts(settings, gateway_id=gateway_id, opened=opened)
        directory = Directory()
        source = DirectoryRows(parts.pool, parts.secrets)
        if (delta := await source.changes_since(-1)) is not None:
            directory.apply(delta)
        metric_files.take_place(settings.metrics_dir)
        telemetry = Telemetry(CollectorRegistry(), logs.line_writer(), build_spans())
        fresh = _keep_fresh(directory, source, settings.limits.directory_poll_s)
        opened.callback(asyncio.create_task(fresh, name="directory").cancel)
        measured = _keep_measured(parts.meter, telemetry)
        opened.callback(asyncio.create_task(measured, name="gauges").cancel)
        gateway = _build_application(
            parts,
            directory=directory,
            telemetry=telemetry,
            limits=settings.limits,
            is_ready=lambda: not role.draining and parts.purse.line.connected,
            opened=opened,
        )
        role = GatewayRole(application=gateway, opened=opened.pop_all())
    return role


async def _open_parts(settings: Settings, *, gateway_id: str, opened: AsyncExitStack) -> _Parts:
    limits = settings.limits
    pool = open_pool(roles.database_url(settings), size_min=2, size_max=8)
    opened.push_async_callback(pool.close)
    await pool.open(wait=True, timeout=SERVERS_PATIENCE_S / 2)
    async with pool.connection() as conn:
        secrets = await roles.secrets_of(settings, conn)
    purse = await connect_purse(roles.redis_url(settings))
    opened.push_async_callback(purse.close)
    async with pool.connection() as conn:
        await register_gateway(conn, gateway_id)
    upstream = Upstream(settings.upstream_allow_private)
    opened.push_async_callback(upstream.close)
    await upstream.start()
    sockets = VendorSockets(settings.upstream_allow_private)
    opened.push_async_callback(sockets.close)
    meter = Meter(
        purse=purse,
        treasury=SqlTreasury(pool, purse),
        journal_directory=settings.unposted_dir,
        gateway_id=gateway_id,
        now_ms=now_ms,
        wait_for_funds_s=limits.wait_for_funds_s,
        unposted_bytes_max=limits.unposted_bytes_max,
    )
    await meter.start()
    opened.push_async_callback(end_meter, pool, purse, meter)
    return _Parts(secrets, pool, purse, meter, upstream, sockets)


def _build_application(
    parts: _Parts,
    *,
    directory: Directory,
    telemetry: Telemetry,
    limits: Limits,
    is_ready: Callable[[], bool],
    opened: AsyncExitStack,
) -> Gateway:
    ids = _Ids()
    routing = Routing(Health(), now_s=time.monotonic, chance=random.SystemRandom().random)
    objects = _build_objects(parts, directory=directory, routing=routing)
    stored = _build_stored(parts, directory=directory, limits=limits, others={"batch": objects.follower})
    stored.background.start()
    opened.push_async_callback(stored.background.close)
    calls = Calls(
        directory=directory,
        meter=parts.meter,
        relay=_build_relay(parts.meter, parts.upstream, routing, limits, stored),
        answers=KeptAnswers(parts.pool),
        stored=stored,
        own=objects.own,
        now_ms=now_ms,
        make_op=ids.op,
        body_bytes_max=limits.max_body_bytes,
    )
    return Gateway(
        directory=directory,
        calls=calls,
        realtime=Realtime(
            calls=calls,
            meter=parts.meter,
            vendors=RealtimeVendors(parts.sockets, routing),
            telemetry=telemetry,
            limits=SessionLimits(_pace(limits)),
            now_ms=now_ms,
        ),
        views=Views(
            directory=directory,
            purse=parts.purse,
            books=BooksOfUsage(parts.pool, parts.purse),
            now_ms=now_ms,
        ),
        stored=stored,
        objects=objects.routes(calls=calls, background=stored.background, make_op=ids.op, now_ms=now_ms),
        telemetry=telemetry,
        pepper=parts.secrets.pepper,
        now_ms=now_ms,
        make_request_id=ids.request_id,
        is_ready=is_ready,
    )


def _build_objects(parts: _Parts, *, directory: Directory, routing: Routing) -> ObjectParts:
    return ObjectParts(
        upstream=parts.upstream,
        routing=routing,
        objects=ObjectRows(parts.pool),
        directory=directory,
        meter=parts.meter,
    )


def _build_stored(
    parts: _Parts, *, directory: Directory, limits: Limits, others: Mapping[str, Asks]
) -> Stored:
    things = StoredRows(parts.pool)
    vendor = StoredVendor(parts.upstream, answer_bytes_max=limits.upstream_answer_bytes_max)
    background = Background(
        meter=parts.meter,
        things=things,
        vendor=vendor,
        directory=directory,
        now_ms=now_ms,
        pace=FollowPace(),
        others=others,
    )
    return Stored(
        things=things,
        vendor=vendor,
        background=background,
        directory=directory,
        gateway_id=parts.meter.gateway_id,
    )


def _pace(limits: Limits) -> Pace:
    return Pace(
        checkpoint_s=limits.checkpoint_s,
        checkpoint_tokens=limits.checkpoint_tokens,
        wait_for_funds_s=limits.wait_for_funds_s,
    )


def _build_relay(meter: Meter, upstream: Upstream, routing: Routing, limits: Limits, stored: Stored) -> Relay:
    return Relay(
        meter=meter,
        stored=stored,
        attempts=Attempts(upstream, routing),
        now_ms=now_ms,
        limits=RelayLimits(
            answer_bytes_max=limits.upstream_answer_bytes_max,
            event_bytes_max=limits.frame_bytes_max,
            drain_client_gone_s=limits.client_gone_drain_s,
            drains_max=limits.client_gone_streams_max,
            pace=_pace(limits),
        ),
    )


async def _keep_fresh(directory: Directory, source: DirectoryRows, poll_s: float) -> None:
    """Changes of the directory hold within a second; while the books are away, what was known holds."""
    while True:
        await asyncio.sleep(poll_s)
        try:
            delta = await source.changes_since(directory.revision)
        except AWAY as error:
            log.warning("directory not read", reason=type(error).__name__)
            continue
        if delta is not None:
            directory.apply(delta)


async def _keep_measured(meter: Meter, telemetry: Telemetry) -> None:
    while True:
        telemetry.holds_open.set(meter.holds_open)
        telemetry.unposted.set(meter.unposted)
        telemetry.waiting.set(meter.waiting)
        telemetry.publish()
        await asyncio.sleep(METRICS_EVERY_S)
