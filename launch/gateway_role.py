"""The data plane put together: books, purse, meter, directory, upstream, and the ASGI callable over them.

Here the gateway's ports meet billing's stores; neither knows the other. Importing this file imports them all,
so only the gateway role does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
import structlog
from prometheus_client import CollectorRegistry
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from billing import idempotency_store, usage_store
from billing.database import Pool, open_pool
from billing.directory_store import DirectoryDelta, current_revision, load_directory
from billing.gateways import register_gateway
from billing.secrets import Secrets
from billing.treasury import SqlTreasury
from config.settings import Limits, Settings
from gateway import ports
from gateway.app import Gateway
from gateway.attempts import Attempts
from gateway.balance import BookedVoucher
from gateway.calls import Calls
from gateway.directory import Directory
from gateway.relay import Relay, RelayLimits
from gateway.slices import Pace
from gateway.telemetry import Telemetry
from gateway.views import Views
from launch import roles
from launch.serving import Application
from launch.tracing import build_spans
from metering.claim import ClaimOutcome
from metering.meter import Meter
from metering.purse_redis import RedisPurse, connect_purse
from providers.health import Health
from providers.upstream import Upstream

METRICS_EVERY_S: Final = 1.0
_AWAY: Final = (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests)

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


class _Books:
    """gateway.ports.Books on billing's usage store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def vouchers(self, company_id: str) -> Sequence[BookedVoucher]:
        try:
            async with self._pool.connection() as conn:
                rows = await usage_store.voucher_balances(conn, company_id)
        except _AWAY as error:
            raise ports.BooksUnavailable from error
        return [
            BookedVoucher(
                voucher_id=row.voucher_id,
                programme_id=row.programme_id,
                state=row.state,
                ends_on=row.ends_on,
                share_ppm=row.share_ppm,
                government_granted_micro=row.government_granted_micro,
                self_granted_micro=row.self_granted_micro,
                spent_micro=row.spent_micro,
                frozen_micro=row.frozen_micro,
                government_returned_micro=row.government_returned_micro,
                self_returned_micro=row.self_returned_micro,
            )
            for row in rows
        ]

    async def usage_page(self, company_id: str, filters: Mapping[str, str]) -> dict[str, Any]:
        try:
            async with self._pool.connection() as conn:
                return await usage_store.usage_page(conn, company_id, filters)
        except usage_store.BadQuery as error:
            raise ports.BadQuery(str(error)) from error
        except _AWAY as error:
            raise ports.BooksUnavailable from error

    async def usage_one(self, company_id: str, usage_id: str) -> dict[str, Any] | None:
        try:
            async with self._pool.connection() as conn:
                return await usage_store.usage_one(conn, company_id, usage_id)
        except _AWAY as error:
            raise ports.BooksUnavailable from error


class _Answers:
    """gateway.ports.IdempotencyStore on billing's idempotency store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, request: ports.ClaimRequest) -> ClaimOutcome:
        try:
            async with self._pool.connection() as conn:
                return await idempotency_store.claim(
                    conn,
                    company_id=request.company_id,
                    key_hash=request.key_hash,
                    body_hash=request.body_hash,
                    op=request.op,
                    gateway_id=request.gateway_id,
                )
        except _AWAY as error:
            raise ports.BooksUnavailable from error

    async def finish(self, request: ports.ClaimRequest, op: str, sealed: bytes | None) -> None:
        try:
            async with self._pool.connection() as conn:
                await idempotency_store.finish(
                    conn,
                    company_id=request.company_id,
                    key_hash=request.key_hash,
                    op=op,
                    sealed=sealed,
                )
        except _AWAY as error:
            raise ports.BooksUnavailable from error

    async def forget(self, request: ports.ClaimRequest, op: str) -> None:
        try:
            async with self._pool.connection() as conn:
                await idempotency_store.forget(
                    conn, company_id=request.company_id, key_hash=request.key_hash, op=op
                )
        except _AWAY as error:
            raise ports.BooksUnavailable from error


class _DirectorySource:
    """gateway.directory.DirectorySource on billing's tables."""

    def __init__(self, pool: Pool, secrets: Secrets) -> None:
        self._pool = pool
        self._secrets = secrets

    async def changes_since(self, revision: int) -> DirectoryDelta | None:
        async with self._pool.connection() as conn:
            if await current_revision(conn) == revision:
                return None
            return await load_directory(conn, secrets=self._secrets, since_revision=revision)


class GatewayRole:
    """One gateway process's world; `launch.gateway_main` serves its application and closes it."""

    def __init__(
        self,
        *,
        application: Application,
        pool: Pool,
        purse: RedisPurse,
        meter: Meter,
        upstream: Upstream,
        keeping: list[asyncio.Task[None]],
    ) -> None:
        self.application = application
        self.draining = False
        self._pool = pool
        self._purse = purse
        self._meter = meter
        self._upstream = upstream
        self._keeping = keeping

    def begin_drain(self) -> None:
        self.draining = True

    async def close(self) -> None:
        for task in self._keeping:
            task.cancel()
        await self._meter.close()
        await self._upstream.close()
        await self._purse.close()
        await self._pool.close()


async def build_gateway(settings: Settings, *, gateway_id: str, slot: int) -> GatewayRole:
    del slot
    limits = settings.limits
    secrets = Secrets(roles.master_secret(settings))
    pool = open_pool(roles.database_url(settings), size_min=2, size_max=8)
    await pool.open(wait=True)
    purse = await connect_purse(roles.redis_url(settings))
    async with pool.connection() as conn:
        await register_gateway(conn, gateway_id)
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
    upstream = Upstream(settings.upstream_allow_private)
    await upstream.start()
    directory = Directory()
    source = _DirectorySource(pool, secrets)
    if (delta := await source.changes_since(-1)) is not None:
        directory.apply(delta)
    telemetry = Telemetry(CollectorRegistry(), build_spans())
    books, ids = _Books(pool), _Ids()
    relay = _build_relay(meter, upstream, limits)
    gateway = Gateway(
        directory=directory,
        calls=Calls(
            directory=directory,
            meter=meter,
            relay=relay,
            answers=_Answers(pool),
            now_ms=now_ms,
            make_op=ids.op,
            body_bytes_max=limits.max_body_bytes,
        ),
        views=Views(directory=directory, purse=purse, books=books, now_ms=now_ms),
        telemetry=telemetry,
        pepper=secrets.pepper,
        now_ms=now_ms,
        make_request_id=ids.request_id,
        is_ready=lambda: not role.draining and purse.line.connected,
    )
    keeping = [
        asyncio.create_task(_keep_fresh(directory, source, limits.directory_poll_s), name="directory"),
        asyncio.create_task(_keep_measured(meter, telemetry), name="gauges"),
    ]
    role = GatewayRole(
        application=gateway, pool=pool, purse=purse, meter=meter, upstream=upstream, keeping=keeping
    )
    return role


def _build_relay(meter: Meter, upstream: Upstream, limits: Limits) -> Relay:
    return Relay(
        meter=meter,
        attempts=Attempts(
            upstream=upstream,
            health=Health(),
            now_s=time.monotonic,
            chance=random.SystemRandom().random,
        ),
        now_ms=now_ms,
        limits=RelayLimits(
            answer_bytes_max=limits.upstream_answer_bytes_max,
            event_bytes_max=limits.frame_bytes_max,
            drain_client_gone_s=limits.client_gone_drain_s,
            drains_max=limits.client_gone_streams_max,
            pace=Pace(
                checkpoint_s=limits.checkpoint_s,
                checkpoint_tokens=limits.checkpoint_tokens,
                wait_for_funds_s=limits.wait_for_funds_s,
            ),
        ),
    )


async def _keep_fresh(directory: Directory, source: _DirectorySource, poll_s: float) -> None:
    """Changes of the directory hold within a second; while the books are away, what was known holds."""
    while True:
        await asyncio.sleep(poll_s)
        try:
            delta = await source.changes_since(directory.revision)
        except _AWAY as error:
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
