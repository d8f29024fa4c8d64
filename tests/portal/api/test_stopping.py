"""What the agency stops is refused by a real gateway and costs nothing; resumed, it is served.

The office and the gateway run on the same books: the gateway reads what it reads within a second of a change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from billing.directory_store import load_directory
from tests.fakes import gateway_world
from tests.fakes.asgi_client import Heard
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_product import PRODUCT

VOUCHER: Final = {
    "id": "v1",
    "company": "gaonde",
    "programme": "p1",
    "government_krw": 7_500_000,
    "self_deposit_krw": 2_500_000,
}
PROGRAMME: Final = {
    "id": "p1",
    "name": "지원",
    "budget_krw": 10_000_000,
    "max_voucher_krw": 10_000_000,
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "shares": {"sme": "0.75"},
}
# What is stopped, and how the contract says so to its caller.
STOPPED: Final = (
    ("companies/gaonde", 401, "invalid_api_key"),
    ("api_keys/gaonde/backend", 401, "invalid_api_key"),
    ("vouchers/v1", 403, "voucher_not_active"),
    ("products/nuri-draft", 404, "model_not_found"),
    ("providers/nuri", 404, "model_not_found"),
)
BECAUSE: Final = {"reason": "부정수급 의심"}


@dataclass(slots=True)
class Running:
    """An office, and a gateway that knows what the office has told its books."""

    office: OfficeWorld
    gateway: gateway_world.World
    meanwhile: list[Callable[[], Awaitable[None]]]  # what happens while the vendor answers

    async def told(self) -> None:
        async with self.office.pool.connection() as conn:
            delta = await load_directory(
                conn, secrets=self.office.secrets, since_revision=self.gateway.directory.revision
            )
        keys = [one for one in delta.api_keys if one.name == "backend"]
        ours = digest(gateway_world.PEPPER, gateway_world.KEY.encode(), sha256)
        self.gateway.directory.apply(
            gateway_world.Everything(
                revision=delta.revision,
                companies=delta.companies,
                vouchers=delta.vouchers,
                api_keys=tuple(replace(one, key_hash=ours) for one in keys),
                products=delta.products,
            )
        )

    async def call(self, *, stream: bool = False) -> Heard:
        said = [{"role": "user", "content": "hello"}]
        body = {"model": "nuri-draft", "max_tokens": 50, "messages": said, "stream": stream}
        return await self.gateway.client.call("POST", "/v1/chat/completions", body)


@asynccontextmanager
async def running(books_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    meanwhile: list[Callable[[], Awaitable[None]]] = []

    async def vendor(_: web.Request) -> web.Response:
        while meanwhile:
            await meanwhile.pop()()
        return web.json_response(gateway_world.answer())

    async with (
        opened(books_url, allow_private=True) as office,
        gateway_world.world(vendor, tmp_path) as gateway,
    ):
        address = gateway.directory.products["x1"].upstreams[0].base_url
        upstream = [PRODUCT["upstream"][0] | {"base_url": address}]
        await office.post("operator", "programmes", PROGRAMME)
        await office.post("operator", "vouchers", VOUCHER)
        await office.post("gaonde", "api_keys", {"name": "backend"})
        await office.post("operator", "products", PRODUCT | {"provider": "nuri", "upstream": upstream})
        gateway.directory.revision = 0
        made = Running(office, gateway, meanwhile)
        await made.told()
        yield made


async def test_what_is_stopped_is_refused_and_costs_nothing(books_url: str, tmp_path: Path) -> None:
    async with running(books_url, tmp_path) as house:
        assert (await house.call()).status == 200
        charged = len(house.gateway.events)
        for path, status, code in STOPPED:
            stopped = await house.office.post("operator", f"{path}/suspend", BECAUSE)
            assert stopped["state"] == "suspended", path
            await house.told()
            refused = await house.call()
            assert (refused.status, refused.json["error"]["code"]) == (status, code), path
            assert len(house.gateway.events) == charged, path
            assert await house.office.refused("operator", f"{path}/suspend", BECAUSE) in (
                (409, "wrong_state"),
                (409, "already_suspended"),
            )
            await house.office.post("operator", f"{path}/resume", BECAUSE)
            await house.told()
            assert (await house.call()).status == 200, path
            charged = len(house.gateway.events)
            log = (await house.office.get("operator", f"{path}/log"))["data"]
            said = [(one["action"], one["to"], one["reason"]) for one in log if one["reason"]]
            on = "approved" if path.startswith("providers") else log[-1]["to"]
            assert said == [("suspend", "suspended", "부정수급 의심"), ("resume", on, "부정수급 의심")], path


async def test_a_call_that_runs_ends_as_it_began(books_url: str, tmp_path: Path) -> None:
    """Stopped while the vendor answers: the answer is whole and charged, the next call is refused."""
    async with running(books_url, tmp_path) as house:

        async def stop() -> None:
            await house.office.post("operator", "companies/gaonde/suspend", BECAUSE)
            await house.told()

        house.meanwhile.append(stop)
        assert (await house.call()).status == 200
        [event] = house.gateway.events
        assert event.charge_micro == 10 * 1_000 + 5 * 4_000
        assert (await house.call()).status == 401
        assert house.gateway.events == [event]


async def test_a_company_cannot_undo_what_the_agency_stopped(books_url: str) -> None:
    async with opened(books_url) as office:
        await office.post("gaonde", "api_keys", {"name": "backend"})
        await office.post("operator", "api_keys/gaonde/backend/suspend", BECAUSE)
        changed = await office.patch("gaonde", "api_keys/gaonde/backend", {"revoked": False})
        assert changed.json()["state"] == "suspended"
        await office.post("operator", "companies/gaonde/suspend", BECAUSE)
        for who in ("gaonde", "operator"):
            there = await office.patch(who, "companies/gaonde", {"active": True})
            assert there.status_code == 422, who
        assert (await office.get("gaonde", "companies/gaonde"))["state"] == "suspended"


@pytest.mark.parametrize("ends", ["revoked", "expired"])
async def test_a_key_that_has_ended_is_not_stopped(books_url: str, ends: str) -> None:
    async with opened(books_url) as office:
        expires = {"expires_at": "2026-03-02T00:00:00Z"} if ends == "expired" else {}
        await office.post("gaonde", "api_keys", {"name": "backend", **expires})
        if ends == "revoked":
            await office.patch("gaonde", "api_keys/gaonde/backend", {"revoked": True})
        assert (await office.get("gaonde", "api_keys/gaonde/backend"))["state"] == ends
        refused = await office.refused("operator", "api_keys/gaonde/backend/suspend", BECAUSE)
        assert refused == (409, "wrong_state")


async def test_no_key_is_stopped_without_a_step(books_url: str) -> None:
    import psycopg

    async with opened(books_url) as office:
        await office.post("gaonde", "api_keys", {"name": "backend"})
        async with office.pool.connection() as conn:
            with pytest.raises(psycopg.errors.CheckViolation, match="without a step"):
                await conn.execute("update api_key set suspended = true")
