"""Whether Redis answers, asked by the office: one server, or every primary of a cluster."""

from __future__ import annotations

from metering.purse import PurseUnavailable
from metering.redis_cluster import ClusterLine, is_cluster
from metering.redis_line import RedisLine


class RedisDoor:
    """Opened by the first question that is answered: the office may start before Redis does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._line: RedisLine | ClusterLine | None = None

    async def ping(self) -> None:
        """Raises ConnectionError."""
        try:
            if self._line is None:
                self._line = await self._open()
            answers = await self._line.everywhere("PING")
        except PurseUnavailable as error:
            raise ConnectionError(str(error)) from error
        if len(answers) < len(self._line.lines):
            raise ConnectionError("a primary of the Redis Cluster does not answer")

    async def aclose(self) -> None:
        if self._line is not None:
            await self._line.close()

    async def _open(self) -> RedisLine | ClusterLine:
        kind = ClusterLine if await is_cluster(self._url) else RedisLine
        line = kind(self._url, scripts={})
        await line.start()
        return line
