"""Whether the two servers keep what they acknowledge. Read from the running server, not from a file.

On servers we started ourselves a wrong setting is a fault of ours and the start is refused; on foreign
servers it is the operator's business and only said: no money can be overspent whatever Redis forgets.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

import hiredis
import psycopg

from launch.refusal import Refused
from metering import redis_address

POSTGRES_WANTED: Final[Mapping[str, str]] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "data_checksums": "on",
    "server_encoding": "UTF8",
}
VALKEY_WANTED: Final[Mapping[str, str]] = {
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-load-truncated": "no",
    "maxmemory-policy": "noeviction",
}
# With full coverage asked for, one lost node stops the lanes of all others, too.
CLUSTER_WANTED: Final[Mapping[str, str]] = {**VALKEY_WANTED, "cluster-require-full-coverage": "no"}
PATIENCE_S: Final = 5.0
PAUSE_S: Final = 0.2
POSTGRES_VERSION_MIN: Final = 150_000
REDIS_VERSION_MIN: Final = (7, 2)
VALKEY_VERSION_MIN: Final = (8, 0)


def check_postgres(url: str) -> list[str]:
    """Sentences about what weakens it; raises Refused where it cannot be reached or is too old."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.info.server_version < POSTGRES_VERSION_MIN:
                raise Refused("DATABASE_URL names a PostgreSQL older than 15.")
            found = {}
            for name in POSTGRES_WANTED:
                row = connection.execute("select current_setting(%s)", (name,)).fetchone()
                found[name] = row[0] if row is not None else None
    except psycopg.Error as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].strip()
        raise Refused(f"PostgreSQL at DATABASE_URL cannot be used: {reason.rstrip('.')}.") from error
    return _differences("PostgreSQL", POSTGRES_WANTED, found)


def wait_for_servers(*, database_url: str, redis_url: str) -> None:
    """For a role that nobody starts anew: servers that restart are waited for. Raises Refused."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            check_postgres(database_url)
            check_valkey(redis_url)
        except Refused:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(PAUSE_S)
        else:
            return


class _Node(Protocol):
    """What is asked of one server."""

    def info(self, section: str) -> Mapping[str, str]: ...

    def config_get(self, pattern: str) -> Mapping[str, str]: ...


def check_valkey(url: str) -> list[str]:
    """The same for Redis or Valkey, alone or a cluster; where CONFIG is forbidden, that is one sentence."""
    return _check_socket(url) if redis_address.is_path(url) else _check_named(url)


def _check_socket(url: str) -> list[str]:
    """The one beside us, mostly our own: redis-py, half of what `up` would import, is not loaded for it."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(redis_address.options_of(url)["path"])
            return _check_node(_Talk(connection), "Redis", VALKEY_WANTED, refusal=hiredis.ReplyError)
    except (OSError, hiredis.HiredisError) as error:
        raise Refused(f"Redis at REDIS_URL cannot be used: {str(error).rstrip('.')}.") from error


class _Talk:
    """One question after another on one connection. Raises OSError, hiredis.ReplyError."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = hiredis.Reader(encoding="utf-8")

    def info(self, section: str) -> Mapping[str, str]:
        lines = str(self._ask("INFO", section)).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def config_get(self, pattern: str) -> Mapping[str, str]:
        names_and_values = list(self._ask("CONFIG", "GET", pattern))
        return dict(zip(names_and_values[::2], names_and_values[1::2], strict=True))

    def _ask(self, *words: str) -> Any:
        self._connection.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]
        while (reply := self._reader.gets()) is False:
            if not (data := self._connection.recv(65536)):
                raise ConnectionResetError("it hung up")
            self._reader.feed(data)
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply


def _check_named(url: str) -> list[str]:
    import redis

    try:
        with redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=5, socket_connect_timeout=5
        ) as client:
            if client.info("cluster").get("cluster_enabled"):
                return _check_cluster(url)
            return _check_node(client, "Redis", VALKEY_WANTED, refusal=redis.ResponseError)
    except (redis.RedisError, OSError, ValueError) as error:
        raise Refused(f"Redis at REDIS_URL cannot be used: {str(error).rstrip('.')}.") from error


def _check_cluster(url: str) -> list[str]:
    """Every node, also the replicas: each may become the one that counts."""
    import redis

    said = []
    with redis.RedisCluster.from_url(
        url, decode_responses=True, socket_timeout=5, socket_connect_timeout=5
    ) as cluster:
        for node in cluster.get_nodes():
            name = f"Redis {node.name}"
            try:
                client = cluster.get_redis_connection(node)
                said += _check_node(client, name, CLUSTER_WANTED, refusal=redis.ResponseError)
            except (redis.ConnectionError, redis.TimeoutError, OSError):
                said.append(f"{name}: it does not answer.")
    return said


def _check_node(
    client: _Node, name: str, wanted: Mapping[str, str], *, refusal: type[Exception]
) -> list[str]:
    _check_version(client.info("server"))
    try:
        found = {setting: client.config_get(setting).get(setting) for setting in wanted}
    except refusal:
        return [f"{name}: its settings cannot be read (CONFIG is not allowed)."]
    return _differences(name, wanted, found)


def _check_version(server: Mapping[str, str]) -> None:
    name, least = "Redis", REDIS_VERSION_MIN
    version = server.get("redis_version", "0.0")
    if "valkey_version" in server:
        name, least, version = "Valkey", VALKEY_VERSION_MIN, server["valkey_version"]
    numbers = tuple(int(part) for part in str(version).split(".")[:2])
    if numbers < least:
        raise Refused(f"REDIS_URL names a {name} older than {least[0]}.{least[1]}.")


def _differences(server: str, wanted: Mapping[str, str], found: Mapping[str, str | None]) -> list[str]:
    return [
        f"{server}: {name} is {found.get(name)!r}, not {value!r}."
        for name, value in wanted.items()
        if found.get(name) != value
    ]


def insist(differences: list[str]) -> None:
    """For servers of our own."""
    if differences:
        raise Refused(f"An embedded server runs with a setting that is not durable: {differences[0]}")
