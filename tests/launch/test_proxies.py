"""Behind a proxy that is named, who calls it is who calls; before one that is not, headers say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx2
import pytest

from tests.fakes.house import House
from tests.journeys.declarations import (
    api_key,
    chat_product,
    company,
    declaration,
    key_text,
    upstream,
    voucher,
)

pytestmark = pytest.mark.slow
HOME: Final = "203.0.113.7"
ELSEWHERE: Final = "198.51.100.9"
PUBLIC: Final = "https://office.example.kr"
LOGIN: Final = {"email": "nobody@example.org", "password": "not the password"}


@pytest.fixture(scope="module", params=["127.0.0.1, 10.0.0.0/8", None], ids=["named", "not named"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    environment = {"VOUCHER_GATEWAY_LOGIN_ATTEMPTS_PER_MINUTE": "2"}
    if request.param is not None:
        environment["VOUCHER_GATEWAY_TRUSTED_PROXIES"] = request.param
        environment["VOUCHER_GATEWAY_OFFICE_PUBLIC_URL"] = f"{PUBLIC}/"
    with House(environment=environment) as made:
        made.up(
            declaration(
                products=[chat_product("nuri-x1", upstream("http://127.0.0.1:9/v1"))],
                companies=[company("gaonde")],
                vouchers=[voucher("gaonde")],
                api_keys=[api_key("gaonde", allowed_ips=["203.0.113.0/24"])],
            )
        )
        yield made
        assert made.down() == 0


def named(house: House) -> bool:
    return "VOUCHER_GATEWAY_TRUSTED_PROXIES" in house._environment


@pytest.mark.parametrize(
    ("said", "is_home"),
    [
        ([HOME], True),
        ([ELSEWHERE], False),
        ([], False),  # the proxy itself
        ([f"{ELSEWHERE}, {HOME}"], True),
        ([f"{HOME}, {ELSEWHERE}"], False),  # the caller wrote the first
        ([HOME, ELSEWHERE], False),  # the proxy added a line of its own
        ([f"{HOME}, 10.1.2.3"], True),  # two proxies, both named
        ([f"{HOME}:4711"], True),
        (["unknown"], False),
        ([f"{HOME},"], False),
    ],
)
def test_a_key_for_some_addresses(house: House, said: list[str], is_home: bool) -> None:
    headers = [("authorization", f"Bearer {key_text('gaonde')}"), *(("x-forwarded-for", one) for one in said)]
    answer = httpx2.get(f"{house.url}/v1/models", headers=headers)
    assert answer.status_code == (200 if is_home and named(house) else 401), answer.text


def test_who_guesses_passwords_stops_only_himself(house: House) -> None:
    def guess(client: str) -> int:
        headers = {"x-forwarded-for": client}
        status: int = httpx2.post(f"{house.office_url}/api/token", json=LOGIN, headers=headers).status_code
        return status

    assert [guess(ELSEWHERE) for _ in range(3)] == [401, 401, 429]
    others = {"email": "somebody.else@example.org"}
    answer = httpx2.post(
        f"{house.office_url}/api/token", json=LOGIN | others, headers={"x-forwarded-for": HOME}
    )
    assert answer.status_code == (401 if named(house) else 429)


def test_the_office_is_where_people_reach_it(house: House) -> None:
    """Its links name that address, and what a browser keeps is sent to it over TLS alone."""
    link = house.run("user", "add", "operator@example.org", "--role", "operator").split()[-1]
    cookie = httpx2.get(f"{house.office_url}/sign-in").headers["set-cookie"]
    assert ("; secure" in cookie.lower()) is named(house)
    if named(house):
        assert link.startswith(f"{PUBLIC}/welcome/")


def test_the_numbers_are_not_for_who_comes_through_a_proxy_on_this_machine(house: House) -> None:
    path = f"{house.office_url}/metrics"
    assert httpx2.get(path).status_code == 200
    for name in ("x-forwarded-for", "x-real-ip", "x-forwarded-proto", "forwarded", "via"):
        assert httpx2.get(path, headers={name: "127.0.0.1"}).status_code == 403, name
