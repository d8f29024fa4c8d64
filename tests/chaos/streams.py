"""What goes through the lanes' streams, kept as it passes: what is posted is deleted there.

It reads as anybody may, without a group, and so disturbs nobody. While Valkey is away it sees nothing; what
was posted before it is back stays unseen here, and is in the books.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import redis.asyncio
from redis.exceptions import RedisError

from metering.keys import lane_of
from metering.keys import log as stream_of

BLOCK_MS: Final = 1000
AT_ONCE: Final = 500
AGAIN_S: Final = 0.1


async def keep_streams(url: str, companies: Iterable[str], path: Path) -> None:
    """One JSON object per event, until it is cancelled."""
    seen = {stream_of(lane): "0-0" for lane in {lane_of(company) for company in companies}}
    with path.open("w", encoding="utf-8") as file:
        while True:
            try:
                await _follow(url, seen, file)
            except (RedisError, OSError):
                await asyncio.sleep(AGAIN_S)


async def _follow(url: str, seen: dict[str, str], file: Any) -> None:
    async with redis.asyncio.Redis.from_url(url, socket_timeout=BLOCK_MS / 1000 + 4) as connection:
        while True:
            streams: Any = seen
            found: Any = await connection.xread(streams, count=AT_ONCE, block=BLOCK_MS)
            for stream, events in found:
                for event_id, fields in events:
                    seen[_text(stream)] = _text(event_id)
                    line = {_text(name): _text(value) for name, value in fields.items()}
                    line = {"stream": _text(stream), "id": _text(event_id), **line}
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")
