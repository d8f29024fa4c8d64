"""Where a Redis is, from its URL. For a path alone redis-py, a fifth of a gateway's start, is not loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit


def options_of(url: str) -> Mapping[str, Any]:
    """As redis-py reads an address. Raises ValueError where it is none."""
    if is_path(url):
        return {"path": unquote(urlsplit(url).path)}
    from redis.asyncio.connection import parse_url

    return parse_url(url)


def is_path(url: str) -> bool:
    """Of a socket, with neither a password nor a database to choose."""
    parts = urlsplit(url)
    return parts.scheme == "unix" and not (parts.netloc or parts.query)
