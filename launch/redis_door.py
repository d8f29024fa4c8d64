"""Whether Redis answers, asked by the office: one server, or every primary of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metering.purse import PurseUnavailable
from metering.redis_line import RedisLine
from metering.redis_lines import open_line

if TYPE_CHECKING:
    from metering.redis_cluster import ClusterLine


class RedisDoor:
    """Opened by the first question that is answered: the office may start before Redis does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._line: RedisLine | ClusterLine | None = None

    async def ping(self) -> None:
        """Raises ConnectionError."""
        try:
            if self._line is None:
                self._line = await open_line(self._url, scripts={})
            answers = await self._line.everywhere("PING")
        except PurseUnavailable as error:
            raise ConnectionError(str(error)) from error
        if len(answers) < len(self._line.lines):
            raise ConnectionError("a primary of the Redis Cluster does not answer")

    async def aclose(self) -> None:
        if self._line is not None:
            await self._line.close()
