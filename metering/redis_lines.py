"""The line to the Redis behind a URL: one, or one to each primary of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metering.redis_address import is_path
from metering.redis_line import RedisLine

if TYPE_CHECKING:
    from metering.redis_cluster import ClusterLine


async def open_line(url: str, *, scripts: Mapping[str, bytes]) -> RedisLine | ClusterLine:
    """Connected. A path leads to one server: a cluster is known by addresses. Raises PurseUnavailable."""
    line: RedisLine | ClusterLine = RedisLine(url, scripts=scripts)
    if not is_path(url):
        # Only here, since it loads redis-py.
        from metering.redis_cluster import ClusterLine, is_cluster

        if await is_cluster(url):
            line = ClusterLine(url, scripts=scripts)
    await line.start()
    return line
