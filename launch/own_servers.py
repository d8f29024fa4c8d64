"""The embedded servers of a data directory: where each of them keeps its data, its socket and its log."""

from __future__ import annotations

import shutil
from pathlib import Path

from config.settings import Settings
from launch.embedded import socket_dir_for
from launch.embedded_postgres import SOCKET_NAME as POSTGRES_SOCKET
from launch.embedded_postgres import PostgresServer
from launch.embedded_valkey import ValkeyServer


def postgres_dir(settings: Settings) -> Path:
    return settings.data_dir / "postgres"


def valkey_dir(settings: Settings) -> Path:
    return settings.data_dir / "valkey"


def socket_dir(settings: Settings) -> Path:
    return socket_dir_for(settings.data_dir, longest_name=POSTGRES_SOCKET)


def remove_short_socket_dir(settings: Settings) -> None:
    """The one that lies elsewhere, for a data directory whose path is too long for sockets."""
    used = socket_dir(settings)
    if used.parent != settings.data_dir and used.exists():
        shutil.rmtree(used)


def postgres_of(settings: Settings) -> PostgresServer:
    return PostgresServer(
        data_dir=postgres_dir(settings),
        socket_dir=socket_dir(settings),
        log_path=settings.logs_dir / "postgres.log",
    )


def valkey_of(settings: Settings) -> ValkeyServer:
    return ValkeyServer(
        data_dir=valkey_dir(settings),
        socket_dir=socket_dir(settings),
        log_path=settings.logs_dir / "valkey.log",
    )
