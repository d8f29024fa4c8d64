"""Who calls: which header carries the key, what is refused unread, and from where a key may come."""

from __future__ import annotations

from hashlib import sha256
from hmac import digest
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web

from gateway.auth import authenticate, keyed_hash, read_api_key
from gateway.problems import Problem
from metering.directory import ApiKey, Company
from tests.fakes.gateway_world import KEY, NOW_MS, PEPPER, api_key, world

Headers = dict[bytes, bytes]


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({b"authorization": b"Bearer one"}, b"one"),
        ({b"authorization": b"bearer  one "}, b"one"),
        ({b"x-api-key": b"one"}, b"one"),
        ({b"x-goog-api-key": b"one"}, b"one"),
        ({b"api-key": b"one"}, b"one"),
        ({b"authorization": b"Bearer one", b"x-api-key": b"one", b"api-key": b"one"}, b"one"),
        ({b"authorization": b"Basic dXNlcg==", b"x-api-key": b"one"}, b"one"),
        ({b"authorization": b"Bearer ", b"x-api-key": b"one"}, b"one"),
        ({b"authorization": b"Bearer one", b"x-api-key": b""}, b"one"),
        ({b"x-api-key": b"k" * 256}, b"k" * 256),
    ],
)
def test_where_a_key_is_read(headers: Headers, key: bytes) -> None:
    assert read_api_key(headers, b"", set()) == key


@pytest.mark.parametrize(
    ("headers", "query", "twice", "words"),
    [
        ({}, b"", set(), "valid API key"),
        ({b"authorization": b"Basic dXNlcg=="}, b"", set(), "valid API key"),
        ({b"authorization": b"Bearer "}, b"", set(), "valid API key"),
        ({b"x-api-key": b"k" * 257}, b"", set(), "valid API key"),
        ({b"authorization": b"Bearer one", b"x-api-key": b"two"}, b"", set(), "two different"),
        ({b"x-goog-api-key": b"one", b"api-key": b"two"}, b"", set(), "two different"),
        ({b"authorization": b"Bearer one"}, b"", {b"authorization"}, "two different"),
        ({b"x-api-key": b"one"}, b"", {b"x-api-key"}, "two different"),
        ({b"x-api-key": b"one"}, b"key=one", set(), "in a header"),
        ({}, b"alt=sse&KEY=one", set(), "in a header"),
        ({}, b"api_key=one", set(), "in a header"),
        ({}, b"api-key=one", set(), "in a header"),
        ({}, b"access_token=one", set(), "in a header"),
        ({b"x-api-key": b"one"}, b"a=1&X-API-Key=one", set(), "in a header"),
        ({b"x-api-key": b"one"}, b"x-goog-api-key=one", set(), "in a header"),
        ({b"x-api-key": b"one"}, b"authorization=one", set(), "in a header"),
        ({b"x-api-key": b"one"}, b"token=one", set(), "in a header"),
        ({b"x-api-key": b"one"}, b"anything=vg_demo_Gaonde_backend_0", set(), "in a header"),
    ],
)
def test_what_is_refused_unread(headers: Headers, query: bytes, twice: set[bytes], words: str) -> None:
    with pytest.raises(Problem) as refused:
        read_api_key(headers, query, twice)
    assert refused.value.code == "invalid_api_key"
    assert words in refused.value.english


def test_another_header_may_come_twice_and_a_query_may_name_what_it_likes() -> None:
    assert read_api_key({b"x-api-key": b"one"}, b"limit=5&monkey=1", {b"accept"}) == b"one"


@pytest.mark.parametrize("query", [b"api_key=backend", b"limit=5&api_key=vg_team"])
def test_calls_may_be_filtered_by_a_keys_name(query: bytes) -> None:
    assert read_api_key({b"x-api-key": b"one"}, query, set(), filters_by_name=True) == b"one"


@pytest.mark.parametrize(
    "query",
    [
        b"api_key=vg_demo_gaonde_backend_000000000000",
        b"API_KEY=VG_demo_gaonde_backend_000000000000",
        b"api_key=backend&key=one",
        b"api-key=backend",
    ],
)
def test_the_text_of_a_key_is_no_filter(query: bytes) -> None:
    with pytest.raises(Problem, match="invalid_api_key"):
        read_api_key({b"x-api-key": b"one"}, query, set(), filters_by_name=True)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/usage?api_key=backend", 200),
        ("/v1/usage?api_key=vg_demo_gaonde_backend_000000000000", 401),
        ("/v1/usage?key=backend", 401),
        ("/v1/voucher?api_key=backend", 401),
    ],
)
async def test_the_route_of_calls_alone_has_that_filter(tmp_path: Path, target: str, status: int) -> None:
    async with world(unasked, tmp_path) as w:
        assert (await w.client.call("GET", target)).status == status


async def unasked(request: web.Request) -> web.Response:
    raise AssertionError("no vendor is asked")


class Directory:
    """gateway.auth.Callers."""

    def __init__(self, key: ApiKey, company: Company | None) -> None:
        self._key, self._company = key, company

    def key_by_hash(self, key_hash: bytes) -> ApiKey | None:
        return self._key if key_hash == self._key.key_hash else None

    def company(self, company_id: str) -> Company | None:
        return self._company if company_id == "gaonde" else None


ACTIVE = Company("gaonde", None)
HOME = (ip_network("203.0.113.0/24"), ip_network("2001:db8::/32"))


def ask(
    key: ApiKey, *, company: Company | None = ACTIVE, secret: str = KEY, host: str | None = "127.0.0.1"
) -> str:
    """`ok`, or the code of the refusal."""
    try:
        caller = authenticate(
            secret.encode(),
            pepper=PEPPER,
            callers=Directory(key, company),
            now_ms=NOW_MS,
            client_host=host,
        )
    except Problem as problem:
        return problem.code
    assert (caller.key, caller.company, caller.secret) == (key, company, secret.encode())
    return "ok"


def test_who_may_call() -> None:
    assert ask(api_key()) == "ok"
    assert ask(api_key(expires_ms=NOW_MS + 1)) == "ok"
    for refused in (
        ask(api_key(), secret=KEY + "1"),
        ask(api_key(key_hash=digest(b"q" * 32, KEY.encode(), sha256))),
        ask(api_key(revoked=True)),
        ask(api_key(expires_ms=NOW_MS)),
        ask(api_key(), company=None),
        ask(api_key(), company=Company("gaonde", None, active=False)),
    ):
        assert refused == "invalid_api_key"


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("203.0.113.7", "ok"),
        ("::ffff:203.0.113.7", "ok"),  # IPv4 seen through a socket of both families
        ("2001:db8::1", "ok"),
        ("203.0.114.7", "invalid_api_key"),
        ("::ffff:203.0.114.7", "invalid_api_key"),
        ("2001:db9::1", "invalid_api_key"),
        ("", "invalid_api_key"),
        (None, "invalid_api_key"),
        ("a.unix.socket", "invalid_api_key"),
    ],
)
def test_from_where_a_key_may_come(host: str | None, answer: str) -> None:
    assert ask(api_key(allowed_networks=HOME), host=host) == answer


def test_no_network_named_is_none_allowed() -> None:
    assert ask(api_key(allowed_networks=()), host="203.0.113.7") == "invalid_api_key"
    assert ask(api_key(allowed_networks=None), host=None) == "ok"


@pytest.mark.parametrize("pepper", [b"", PEPPER, b"p" * 64, b"p" * 65])
def test_the_keyed_hash_is_hmac(pepper: bytes) -> None:
    assert keyed_hash(pepper, KEY.encode()) == digest(pepper, KEY.encode(), sha256)
