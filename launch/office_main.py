"""The office role: REST API and pages, one process."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
import uvloop

from billing.database import Pool, open_pool
from billing.funds import FundsChange
from billing.payments.webhooks import secrets_of
from billing.statements.month import Month
from billing.statements.unbooked import calls_unbooked, voucher_unbooked
from config.settings import Settings
from launch import roles, sockets
from launch.purse_for_once import get_back, purse_for_once
from launch.redis_door import RedisDoor
from launch.serving import build_server, serve
from launch.with_books import of_this_version
from portal import app, pages
from portal.attempts import Attempts
from portal.readiness import Readiness

POOL_SIZE_MAX: Final = 8

log = structlog.get_logger(__name__)


async def _run(settings: Settings, *, listener: socket.socket, ready_fd: int | None) -> None:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    pool = open_pool(settings.database_url, size_max=POOL_SIZE_MAX)
    redis = RedisDoor(settings.redis_url)
    async with contextlib.AsyncExitStack() as opened:
        await opened.enter_async_context(pool)
        await opened.enter_async_context(contextlib.aclosing(redis))
        async with pool.connection() as connection:
            secrets = await roles.secrets_of(settings, connection)
        cards, transfers = roles.cards_of(settings), roles.transfers_of(settings)
        if cards is None or transfers is None:
            log.info("card_payment_off", reason="STRIPE_API_KEY is not set")
        else:
            await opened.enter_async_context(contextlib.aclosing(cards))
            await opened.enter_async_context(contextlib.aclosing(transfers))
        office = app.Office(
            pool=pool,
            readiness=Readiness(pool, redis),
            attempts=Attempts(settings.limits.login_attempts_per_minute),
            token_key=secrets.jwt_key,
            token_life_s=int(settings.limits.token_life_s),
            addresses=_addresses(settings, listener),
            metrics_dir=str(settings.metrics_dir),
            metrics_token=settings.metrics_token,
            secrets=secrets,
            invitation_life_s=settings.limits.invitation_life_s,
            allow_private=settings.upstream_allow_private,
            get_back=partial(_get_back, pool, settings.redis_url),
            unbooked=partial(_unbooked, pool, settings.redis_url),
            unbooked_of=partial(_unbooked_of, pool, settings.redis_url),
            cards=cards,
            transfers=transfers,
            webhook_secrets=secrets_of(settings.stripe_webhook_secret),
            has_mail=roles.relay_of(settings) is not None,
        )
        server = build_server(
            app.build(office), limits=settings.limits, drain_s=5, trusted_proxies=settings.trusted_proxies
        )
        await serve(server, listener=listener, ready_fd=ready_fd, before_drain=lambda: None)


def _addresses(settings: Settings, listener: socket.socket) -> pages.Addresses:
    office = settings.office_address(sockets.port_of(listener))
    return pages.Addresses(data_plane=settings.data_plane_address(), office=office)


async def _get_back(pool: Pool, redis_url: str, funds: Sequence[FundsChange]) -> None:
    async with purse_for_once(redis_url) as purse:
        if purse is not None:
            async with pool.connection() as conn:
                await get_back(purse, conn, funds)


async def _unbooked(pool: Pool, redis_url: str, month: Month) -> int | None:
    async with purse_for_once(redis_url) as purse:
        if purse is None:
            return None
        async with pool.connection() as conn:
            return await calls_unbooked(conn, purse, month)


async def _unbooked_of(pool: Pool, redis_url: str, company_id: str, voucher_id: str) -> int | None:
    async with purse_for_once(redis_url) as purse:
        if purse is None:
            return None
        async with pool.connection() as conn:
            return await voucher_unbooked(conn, purse, company_id=company_id, voucher_id=voucher_id)


def run(settings: Settings, *, listener: socket.socket, ready_fd: int | None) -> None:
    with of_this_version():
        uvloop.run(_run(settings, listener=listener, ready_fd=ready_fd))
