"""The office role: REST API and pages, one process."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

import uvloop

from billing.database import open_pool
from config.settings import Settings
from launch import roles, sockets
from launch.redis_door import RedisDoor
from launch.serving import build_server, serve
from portal import app, pages
from portal.attempts import Attempts
from portal.readiness import Readiness

POOL_SIZE_MAX: Final = 8


async def _run(settings: Settings, *, listener: socket.socket, ready_fd: int | None) -> None:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    pool = open_pool(settings.database_url, size_max=POOL_SIZE_MAX)
    redis = RedisDoor(settings.redis_url)
    async with pool, contextlib.aclosing(redis):
        async with pool.connection() as connection:
            secrets = await roles.secrets_of(settings, connection)
        office = app.Office(
            pool=pool,
            readiness=Readiness(pool, redis),
            attempts=Attempts(settings.limits.login_attempts_per_minute),
            token_key=secrets.jwt_key,
            token_life_s=int(settings.limits.token_life_s),
            addresses=pages.Addresses(
                data_plane=f"http://{settings.host}:{settings.port}",
                office=f"http://{settings.host}:{sockets.port_of(listener)}",
            ),
            metrics_dir=str(settings.metrics_dir),
            metrics_token=settings.metrics_token,
            secrets=secrets,
            invitation_life_s=settings.limits.invitation_life_s,
            allow_private=settings.upstream_allow_private,
        )
        server = build_server(app.build(office), limits=settings.limits, drain_s=5)
        await serve(server, listener=listener, ready_fd=ready_fd, before_drain=lambda: None)


def run(settings: Settings, *, listener: socket.socket, ready_fd: int | None) -> None:
    uvloop.run(_run(settings, listener=listener, ready_fd=ready_fd))
