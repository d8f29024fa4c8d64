"""Alerts posted to a webhook: JSON, signed, to public addresses only, in bounded time, not redirected.

The address is judged at the last moment before connecting, by the very sockets that lead to vendors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from billing.alerts import signing
from billing.alerts.lookups import Lookups
from billing.alerts.outbox import Outcome
from billing.secrets import Secrets, Unsealable
from providers.addresses import refusal_of_base_url
from providers.errors import UpstreamError
from providers.vendor_connector import socket_factory, translated

TIMEOUT_S: Final = 10.0
URL_CHARACTERS_MAX: Final = 2_000
_AGENT: Final = "voucher-gateway"
_LATER: Final = (429, 503)
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


def takes_address(url: str, *, allow_private: bool) -> bool:
    """What may be registered; a query may hold what its owner wants."""
    if len(url) > URL_CHARACTERS_MAX or not url.isascii():
        return False
    whole, _, query = url.partition("?")
    if any(one in query for one in "#\\ \t\r\n") or not query.isprintable():
        return False
    if refusal_of_base_url(whole, allow_private) is not None:
        return False
    return allow_private or urlsplit(whole).scheme == "https"


def sealed_as(webhook_id: str) -> str:
    """What a sealed secret says it belongs to."""
    return f"webhook/{webhook_id}"


def body_of(row: Mapping[str, Any]) -> bytes:
    """The same bytes at every attempt."""
    told = {
        "type": row["kind"],
        "timestamp": row["at"].isoformat(),
        "data": {
            "about": row["about"],
            "company": row["of_company"],
            "provider": row["of_provider"],
            **row["detail"],
        },
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


class Poster:
    """Needs the running loop at its first call; to be closed."""

    def __init__(self, secrets: Secrets, *, allow_private: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._secrets = secrets
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._lookups = Lookups()

    async def send(self, row: Mapping[str, Any], *, now: datetime) -> Outcome:
        if row["sealed"] is None:
            return Outcome("the webhook has ended", is_final=True)
        if not takes_address(row["url"], allow_private=self._allow_private):
            return Outcome("the address is not taken any more", is_final=True)
        body = body_of(row)
        try:
            signed_by = self._secrets_of(row, now)
        except Unsealable:
            return Outcome("the secret was sealed under another master secret", is_final=True)
        signed = signing.headers(row["id"], body, signed_by, at_s=int(now.timestamp()))
        try:
            return await self._post(row["url"], body, signed)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(_why(error))

    async def _post(self, url: str, body: bytes, signed: Mapping[str, str]) -> Outcome:
        session = self._session or self._begin()
        headers = {"Content-Type": "application/json", "User-Agent": _AGENT, **signed}
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            answer.close()  # its status says it all
        return outcome_of(answer.status, answer.headers.get("Retry-After"))

    def _secrets_of(self, row: Mapping[str, Any], now: datetime) -> list[str]:
        place = sealed_as(row["webhook_id"])
        sealed = [row["sealed"]]
        if row["sealed_former"] is not None and now < row["former_until"]:
            sealed.append(row["sealed_former"])
        return [self._secrets.unseal(bytes(one), row=place) for one in sealed]

    def _begin(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                force_close=True,
                socket_factory=socket_factory(self._allow_private),
                resolver=self._lookups,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            auto_decompress=False,
            trust_env=False,
        )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
        await self._lookups.close()


def outcome_of(status: int, retry_after: str | None) -> Outcome:
    """`retry_after`: its header; seconds are heard, a date is not, as clocks differ."""
    if 200 <= status < 300:
        return Outcome()
    if 300 <= status < 400:
        return Outcome(f"answered {status}: redirects are not followed")
    if status in _LATER and retry_after is not None and _SECONDS.fullmatch(retry_after.strip()):
        seconds = int(retry_after)
        return Outcome(f"answered {status}: asks for {seconds} s", wait=timedelta(seconds=seconds))
    return Outcome(f"answered {status}", is_final=status == 410, is_gone=status == 410)


def _why(error: Exception) -> str:
    """In words of ours: a foreign error may name our network."""
    if isinstance(error, aiohttp.ClientConnectorError):
        told: UpstreamError = translated(error)
        return str(told).replace("the vendor", "the webhook")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"no answer: {type(error).__name__}"
