"""A connection to PostgreSQL on another machine does not wait for ever for one that has vanished."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from billing.database import PROBE_EVERY_S, PROBES, SILENT_S, VANISHED_S, connect, open_pool
from tests.fakes.tcp_proxy import TcpProxy

_LINUX_ONLY = pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="an option of Linux")


@_LINUX_ONLY
async def test_the_kernel_ends_a_connection_whose_server_is_gone(books_url: str) -> None:
    folder = Path(str(conninfo_to_dict(books_url)["host"]))
    async with TcpProxy(folder / ".s.PGSQL.5432") as proxy:
        url = make_conninfo(books_url, host="127.0.0.1", port=proxy.port)
        async with await connect(url) as conn, open_pool(url) as pool, pool.connection() as pooled:
            for one in (conn, pooled):
                with socket.socket(fileno=one.fileno()) as wire:
                    asked = [
                        wire.getsockopt(socket.IPPROTO_TCP, option)
                        for option in (
                            socket.TCP_KEEPIDLE,
                            socket.TCP_KEEPINTVL,
                            socket.TCP_KEEPCNT,
                            socket.TCP_USER_TIMEOUT,
                        )
                    ]
                    wire.detach()
                assert asked == [SILENT_S, PROBE_EVERY_S, PROBES, VANISHED_S * 1000]
