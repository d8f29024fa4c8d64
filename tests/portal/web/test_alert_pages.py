"""Alerts and stopping at once by clicks: what is chosen, made, sent again and stopped is so in the books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from billing.alerts import outbox
from billing.alerts.outbox import Outcome
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.web.web_world import browsing_as


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url, has_mail=True) as world:
        await world.post("gaonde", "api_keys", {"name": "backend"})
        yield world


async def test_a_provider_chooses_makes_a_webhook_and_sends_again(world: OfficeWorld) -> None:
    async with browsing_as(world, "nuri") as browser:
        seen = await browser.get("/provider/my_alerts")
        assert "시험 메일 보내기" in seen.text
        await browser.submit(kinds=["payout_made"], language="en")
        assert (await world.get("nuri", "my_alerts"))["kinds"] == ["payout_made"]

        await browser.get("/provider/webhooks/new")
        assert (await browser.submit(url="http://hooks.example.com/")).status == 409
        await browser.get("/provider/webhooks/new")
        made = await browser.submit(url="https://hooks.example.com/a?token=1")
        assert (made.status, "whsec_" in made.text) == (200, True)
        [hook] = (await world.get("nuri", "webhooks"))["data"]
        here = f"/provider/webhooks/{hook['id']}"
        seen = await browser.get(here)
        assert "whsec_" not in seen.text
        await browser.get(f"{here}/rotate")
        assert "whsec_" in (await browser.submit()).text
        await browser.get(f"{here}/do/webhook.change")
        await browser.submit(url="https://hooks.example.com/b", kinds=["payout_made"])
        changed = await world.get("nuri", f"webhooks/{hook['id']}")
        assert (changed["url"], changed["kinds"]) == ("https://hooks.example.com/b", ["payout_made"])

        await world.post("nuri", f"webhooks/{hook['id']}/test")
        now = world.now + timedelta(seconds=1)
        async with world.pool.connection() as conn:
            [row] = await outbox.take(conn, now=now, has_mail=True)
            await outbox.settle(conn, row, Outcome("answered 410", is_final=True), now=now)
        seen = await browser.get("/provider/deliveries?state=failed")
        assert "시험 알림" in seen.text
        seen = await browser.get(f"/provider/deliveries/{row['id']}")
        assert "answered 410" in seen.text
        await browser.submit()
        assert (await world.get("nuri", f"deliveries/{row['id']}"))["state"] == "waiting"


STOPPED = ("companies/gaonde", "api_keys/gaonde/backend", "products/nuri-x1", "providers/nuri")


async def test_an_operator_stops_and_resumes_by_a_button_each(world: OfficeWorld) -> None:
    async with browsing_as(world, "operator") as browser:
        home = await browser.get("/operator")
        assert "바로 정지" in home.text
        for path in STOPPED:
            for action, state in (("suspend", "suspended"), ("resume", None)):
                seen = await browser.get(f"/operator/{path}")
                step = next(link for link in seen.page.links if f".{action}" in link)
                await browser.get(step)
                assert (await browser.submit(reason="")).status == 422, path
                done = await browser.submit(reason="점검")
                assert (done.status, done.path.split("?")[0]) == (200, f"/operator/{path}")
                now = (await world.get("operator", path))["state"]
                assert now == state if state else now != "suspended"
