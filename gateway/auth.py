"""Who calls: the API key out of the head, and the caller it stands for. Pure.

A key is looked up by its keyed hash only, so that neither memory of the directory nor time tells about keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address
from typing import Final, Protocol

import msgspec

from gateway.problems import Problem
from metering.directory import ApiKey, Company

KEY_CHARACTERS_MAX: Final = 256
_KEY_HEADERS: Final = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")
_QUERY_NAMES: Final = (
    *(b"key=", b"api_key=", b"api-key=", b"apikey=", b"access_token=", b"token="),
    *(b"authorization=", b"x-api-key=", b"x-goog-api-key="),
)
_KEY_TEXT: Final = re.compile(rb"=vg_[a-z0-9_-]{16}")  # under whatever name
# A filter: what a key is called, not its text.
_KEY_NAME: Final = b"api_key="


class Caller(msgspec.Struct, frozen=True):
    key: ApiKey
    company: Company
    secret: bytes  # the key itself: for sealing kept answers; never stored, never logged


class Callers(Protocol):
    def key_by_hash(self, key_hash: bytes) -> ApiKey | None: ...

    def company(self, company_id: str) -> Company | None: ...


def read_api_key(
    headers: Mapping[bytes, bytes], query: bytes, twice: set[bytes], *, filters_by_name: bool = False
) -> bytes:
    """The one key the head carries; two different ones are refused, and so is one in the query."""
    if query and _holds_a_key(query.lower(), filters_by_name=filters_by_name):
        raise Problem(
            "invalid_api_key",
            english="Send the API key in a header: in the query it would end up in logs.",
            korean="API 키는 헤더로 보내 주세요. 쿼리에 넣으면 기록에 남을 수 있습니다.",
        )
    found: bytes | None = None
    for name in _KEY_HEADERS:
        value = headers.get(name)
        if value is None:
            continue
        if name == b"authorization":
            scheme, _, value = value.partition(b" ")
            if scheme.lower() != b"bearer":
                continue
        value = value.strip()
        if not value:
            continue  # an SDK without a key of its kind sends the empty header
        if name in twice or (found is not None and value != found):
            raise Problem(
                "invalid_api_key",
                english="Send one API key: the headers carry two different ones.",
                korean="API 키를 하나만 보내 주세요. 헤더에 서로 다른 키가 있습니다.",
            )
        found = value
    if not found or len(found) > KEY_CHARACTERS_MAX:
        raise Problem("invalid_api_key")
    return found


def _holds_a_key(query: bytes, *, filters_by_name: bool) -> bool:
    return any(
        (part.startswith(_QUERY_NAMES) and not (filters_by_name and part.startswith(_KEY_NAME)))
        or _KEY_TEXT.search(part)
        for part in query.split(b"&")
    )


def authenticate(
    secret: bytes, *, pepper: bytes, callers: Callers, now_ms: int, client_host: str | None
) -> Caller:
    key = callers.key_by_hash(keyed_hash(pepper, secret))
    if key is None or key.revoked or (key.expires_ms is not None and now_ms >= key.expires_ms):
        raise Problem("invalid_api_key")
    company = callers.company(key.company_id)
    if company is None or not company.active:
        raise Problem("invalid_api_key")
    if key.allowed_networks is not None and not _is_allowed(key, client_host):
        raise Problem("invalid_api_key")
    return Caller(key, company, secret)


def keyed_hash(pepper: bytes, secret: bytes) -> bytes:
    """HMAC-SHA256 by its definition, in a fifth of the time: what the pepper does is done once."""
    inner, outer = (half.copy() for half in _halves(pepper))
    inner.update(secret)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=8)
def _halves(pepper: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    block = (pepper if len(pepper) <= 64 else sha256(pepper).digest()).ljust(64, b"\0")
    return sha256(bytes(byte ^ 0x36 for byte in block)), sha256(bytes(byte ^ 0x5C for byte in block))


def _is_allowed(key: ApiKey, client_host: str | None) -> bool:
    try:
        address = ip_address(client_host or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in key.allowed_networks or ())
