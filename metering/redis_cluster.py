"""Redis Cluster: one `RedisLine` per primary, a map from slot to node, and redirections followed.

`MOVED` and `ASK` say that nothing was executed, so asking again at the node they name keeps the rule of the
line: nothing that may have happened is ever sent twice. Everything else (a node that is away, `TRYAGAIN` in
the middle of a slot's migration, `CLUSTERDOWN`) is `PurseUnavailable` for the lanes of that slot, and for no
others. Whatever fails puts the map in doubt, and it is read anew in the background.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import hiredis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisError

from metering.purse import PurseUnavailable
from metering.redis_line import COMMAND_TIMEOUT_S, CONNECT_TIMEOUT_S, RedisLine, Reply

HOPS_MAX: Final = 5  # of one command; a slot that moves is one, or two
MAP_EVERY_S: Final = 10.0  # unasked, so that new nodes are known before they are needed
MAP_PAUSE_S: Final = 0.2  # between two readings, however many calls doubt it

Command = tuple[str | bytes | int, ...]
Address = str  # host:port, as the cluster's nodes call each other

_log = logging.getLogger(__name__)


async def is_cluster(url: str) -> bool:
    """Whether the server behind `url` is a node of a cluster. Raises PurseUnavailable."""
    return bool((await _ask_apart(url, "INFO", "cluster")).get("cluster_enabled"))


class ClusterLine:
    """As RedisLine. A command's key is its second word, a script's its first key; that says the node."""

    def __init__(
        self, url: str, *, scripts: Mapping[str, bytes], command_timeout_s: float = COMMAND_TIMEOUT_S
    ) -> None:
        self._url = url
        self._scripts = scripts
        self._command_timeout_s = command_timeout_s
        self._owners: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._lines: dict[Address, RedisLine] = {}
        self._opening: dict[Address, asyncio.Task[RedisLine]] = {}
        self._doubted = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """To one node at least: its lanes can be served."""
        return any(line.connected for line in self._lines.values())

    @property
    def lines(self) -> list[RedisLine]:
        """One per node."""
        return list(self._lines.values())

    async def start(self) -> None:
        """Read the map, connect to its nodes. Raises PurseUnavailable where none of them lets us in."""
        await self._read_map()
        if not self.connected:
            await self.close()
            raise PurseUnavailable("no node of the Redis Cluster lets us in")
        self._keeping = asyncio.get_running_loop().create_task(self._keep_map(), name="redis-cluster-map")

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        for opening in list(self._opening.values()):
            opening.cancel()
        for line in self._lines.values():
            await line.close()

    async def script(self, name: str, keys: list[str], args: list[str | bytes | int]) -> Reply:
        return await self._follow(keys[0], lambda line, asking: _after(line, asking).script(name, keys, args))

    async def command(self, *command: str | bytes | int) -> Reply:
        return await self._follow(command[1], lambda line, asking: _after(line, asking).command(*command))

    async def commands(self, *commands: Command) -> list[Reply]:
        """All at the node of the first key, in one write. To read only: redirected, all are asked anew."""

        async def send(line: RedisLine, asking: bool) -> list[Reply]:
            if not asking:
                return await line.commands(*commands)
            with_asking = [word for command in commands for word in (("ASKING",), command)]
            return (await line.commands(*with_asking))[1::2]

        replies: list[Reply] = await self._follow(commands[0][1], send)
        return replies

    async def spread(self, *commands: Command) -> list[Reply]:
        """Each at its own node; None where that one is away. Raises PurseUnavailable where all are."""
        replies = await asyncio.gather(*(self.command(*each) for each in commands), return_exceptions=True)
        return _unless_all_failed(replies)

    async def everywhere(self, *command: str | bytes | int) -> list[Reply]:
        """The answers of the nodes that answer. Raises PurseUnavailable where none does."""
        asked = [line.command(*command) for _, line in sorted(self._lines.items())]
        replies = _unless_all_failed(await asyncio.gather(*asked, return_exceptions=True))
        return [reply for reply in replies if reply is not None]

    # -- to the right node

    async def _follow(
        self, key: str | bytes | int, send: Callable[[RedisLine, bool], Awaitable[Reply]]
    ) -> Reply:
        slot = key_slot(key if isinstance(key, bytes) else str(key).encode())
        address, asking = self._owners[slot], False
        for _ in range(HOPS_MAX):
            if address is None:
                self._doubted.set()
                raise PurseUnavailable(f"no node of the Redis Cluster has slot {slot}")
            line = self._lines.get(address) or await self._new_line(address)
            try:
                return await send(line, asking)
            except PurseUnavailable as error:
                self._doubted.set()
                if (redirection := _redirection(error, asked=address)) is None:
                    raise
                asking, address = redirection
            if not asking:
                self._owners[slot] = address
        raise PurseUnavailable(f"the nodes of the Redis Cluster do not agree on slot {slot}")

    async def _new_line(self, address: Address) -> RedisLine:
        """Opened once for all who need it. A node that does not answer is tried again in the background."""
        opening = self._opening.get(address)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._open(address), name=f"redis-{address}")
            self._opening[address] = opening
            opening.add_done_callback(lambda _: self._opening.pop(address, None))
        return await asyncio.shield(opening)

    async def _open(self, address: Address) -> RedisLine:
        url = _url_at(self._url, address)
        line = RedisLine(url, scripts=self._scripts, command_timeout_s=self._command_timeout_s)
        try:
            await line.start()
        except PurseUnavailable as error:
            _log.warning("redis_node_away address=%s reason=%s", address, error)
            line.keep_trying()
        except asyncio.CancelledError:
            await line.close()
            raise
        self._lines[address] = line
        return line

    # -- the map

    async def _keep_map(self) -> None:
        while True:
            try:
                async with asyncio.timeout(MAP_EVERY_S):
                    await self._doubted.wait()
            except TimeoutError:
                pass
            self._doubted.clear()
            try:
                await self._read_map()
            except PurseUnavailable as error:
                _log.warning("redis_cluster_map_not_read reason=%s", error)
            await asyncio.sleep(MAP_PAUSE_S)

    async def _read_map(self) -> None:
        owners: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, (host, port, *_), *_ in await self._ask_for_map():
            # Without a name it is the one that we asked; which one that was does not matter then.
            address = f"{host.decode() if host else urlsplit(self._url).hostname}:{port}"
            owners[first : last + 1] = [address] * (last + 1 - first)
        self._owners = owners
        wanted = {address for address in owners if address is not None}
        await asyncio.gather(*(self._new_line(address) for address in wanted - self._lines.keys()))
        for address in self._lines.keys() - wanted:
            if self._lines[address].idle:  # no primary any more; who still waits for it is answered first
                await self._lines.pop(address).close()

    async def _ask_for_map(self) -> list[Reply]:
        """From any node that answers, those we are connected to first. Raises PurseUnavailable."""
        known = [line for line in self._lines.values() if line.connected]
        random.shuffle(known)
        for line in known:
            try:
                slots: list[Reply] = await line.command("CLUSTER", "SLOTS")
                return slots
            except PurseUnavailable as error:
                _log.info("redis_cluster_map_not_told reason=%s", error)
        slots = await _ask_apart(self._url, "CLUSTER SLOTS")
        return slots


def _after(line: RedisLine, asking: bool) -> RedisLine:
    """The line, with ASKING said right before the next command on it; where it fails, that one does, too."""
    if asking:
        line.call("ASKING").add_done_callback(lambda told: told.cancelled() or told.exception())
    return line


def _redirection(error: PurseUnavailable, *, asked: Address) -> tuple[bool, Address] | None:
    """(whether ASKING, where to) of a reply like `MOVED 3999 10.0.0.7:6379`; without a host: the same one."""
    if not isinstance(error.__cause__, hiredis.ReplyError):
        return None
    word, *rest = str(error.__cause__).split()
    if word not in ("MOVED", "ASK") or len(rest) != 2:
        return None
    host, _, port = rest[1].rpartition(":")
    return word == "ASK", f"{host or asked.rpartition(':')[0]}:{port}"


def _unless_all_failed(replies: list[Reply]) -> list[Reply]:
    """None in the place of each that is away."""
    failed = [reply for reply in replies if isinstance(reply, BaseException)]
    if failed and (len(failed) == len(replies) or not all(isinstance(f, PurseUnavailable) for f in failed)):
        raise failed[0]
    return [None if isinstance(reply, BaseException) else reply for reply in replies]


def _url_at(url: str, address: Address) -> str:
    """The same user, password and encryption at another address."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    host, _, port = address.rpartition(":")
    host = f"[{host}]" if ":" in host else host
    scheme = parts.scheme if parts.scheme in ("redis", "rediss") else "redis"
    return urlunsplit((scheme, f"{user}{at}{host}:{port}", "", parts.query, ""))


async def _ask_apart(url: str, *command: str) -> Reply:
    """One question on a connection of its own. Raises PurseUnavailable."""
    try:
        async with Redis.from_url(
            url,
            socket_timeout=COMMAND_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]
    except (RedisError, OSError) as error:
        raise PurseUnavailable(f"cannot connect to Redis: {error}") from error
