"""Alerts over the office API: what a person chooses, webhooks and their secrets, what is sent again."""

from __future__ import annotations

from datetime import timedelta

from billing.alerts import outbox
from billing.alerts.outbox import Outcome
from billing.lifecycle.webhook import OVERLAP, WEBHOOKS_MAX
from tests.fakes.office_world import OfficeWorld, good, opened

HOOK = {"url": "https://hooks.example.com/a?token=t-1", "kinds": ["payout_made"]}


async def test_a_secret_is_shown_once_and_changed_with_overlap(books_url: str) -> None:
    async with opened(books_url) as office:
        made = good(await office.call("nuri", "POST", "webhooks", HOOK, key="k-1")).json()
        assert (made["id"], made["state"], made["url"]) == ("wh-000001", "active", HOOK["url"])
        secret = made.pop("secret")
        again = await office.call("nuri", "POST", "webhooks", HOOK, key="k-1")
        assert again.json() == {**made, "secret": secret}
        assert await office.get("nuri", "webhooks/wh-000001") == made
        rotated = await office.post("nuri", "webhooks/wh-000001/rotate")
        latter = rotated.pop("secret")
        assert latter != secret
        until = (office.now + OVERLAP).isoformat().replace("+00:00", "Z")
        assert rotated == {**made, "former_secret_until": until}
        async with office.pool.connection() as conn:
            cursor = await conn.execute("select to_jsonb(w)::text from webhook w")
            [(kept,)] = await cursor.fetchall()
            cursor = await conn.execute("select string_agg(to_jsonb(s)::text, '') from step s")
            [(log,)] = await cursor.fetchall()
        for text in (kept, log):
            assert secret not in text
            assert latter not in text


async def test_a_webhook_is_its_owner_s(books_url: str) -> None:
    async with opened(books_url) as office:
        await office.post("nuri", "webhooks", HOOK)
        assert (await office.get("auditor", "webhooks/wh-000001"))["url"] == "https://hooks.example.com/a"
        assert (await office.get("operator", "webhooks"))["data"][0]["url"] == "https://hooks.example.com/a"
        assert await office.refused("operator", "webhooks/wh-000001/rotate") == (409, "not_own")
        paused = await office.post("operator", "webhooks/wh-000001/pause")
        assert paused["state"] == "paused"
        assert await office.refused("nuri", "webhooks/wh-000001/test") == (409, "wrong_state")
        assert await office.refused("operator", "webhooks/wh-000001/resume") == (409, "not_own")
        changed = await office.patch("nuri", "webhooks/wh-000001", {"kinds": None})
        assert changed.json()["kinds"] is None
        assert (await office.post("nuri", "webhooks/wh-000001/end"))["state"] == "ended"
        assert await office.refused("nuri", "webhooks/wh-000001/resume") == (409, "wrong_state")


async def test_what_is_no_address_or_no_kind_is_refused(books_url: str) -> None:
    async with opened(books_url) as office:
        for url in (
            "http://hooks.example.com/",
            "https://10.0.0.1/",
            "https://localhost/",
            "https://a b.example/",
        ):
            assert await office.refused("nuri", "webhooks", {"url": url}) == (409, "address_refused"), url
        strange = {"url": "https://a.example/", "kinds": ["voucher_balance"]}
        assert await office.refused("nuri", "webhooks", strange) == (422, "kind_unknown")
        public = {"url": "https://a.example/"}
        made = [(await office.post("nuri", "webhooks", public))["id"] for _ in range(WEBHOOKS_MAX)]
        refused = await office.refused("nuri", "webhooks", {"url": "https://a.example/"})
        assert refused == (409, "too_many_webhooks")
        await office.post("gaonde", "webhooks", {"url": "https://a.example/"})
        await office.post("nuri", f"webhooks/{made[0]}/end")
        await office.post("nuri", "webhooks", public)
        there = await office.patch("nuri", f"webhooks/{made[1]}", {"url": "https://127.0.0.1/"})
        assert (there.status_code, there.json()["code"]) == (409, "address_refused")


async def test_a_person_chooses_for_oneself(books_url: str) -> None:
    async with opened(books_url) as office:
        mine = await office.get("gaonde", "my_alerts")
        assert (mine["language"], mine["mail"], mine["kinds"]) == ("ko", False, mine["may_choose"])
        chosen = await office.patch("gaonde", "my_alerts", {"kinds": ["key_expiring"], "language": "en"})
        assert (chosen.json()["kinds"], chosen.json()["language"]) == (["key_expiring"], "en")
        assert (await office.get("hanbit", "my_alerts"))["kinds"] == mine["kinds"]
        refused = await office.patch("gaonde", "my_alerts", {"kinds": ["payout_made"]})
        assert (refused.status_code, refused.json()["code"]) == (422, "kind_unknown")
        assert await office.refused("gaonde", "my_alerts/test") == (409, "mail_off")


async def test_what_was_not_delivered_is_listed_and_sent_again(books_url: str) -> None:
    async with opened(books_url, has_mail=True) as office:
        made = await office.post("gaonde", "my_alerts/test")
        assert (made["state"], made["address"], made["kind"]) == ("waiting", "kim@gaonde.example", "test")
        assert await office.refused("gaonde", f"deliveries/{made['id']}/resend") == (409, "wrong_state")
        await _try(office, Outcome("the relay refuses the address: [550]", is_final=True))
        [listed] = (await office.get("gaonde", "deliveries?state=failed"))["data"]
        assert (listed["id"], listed["attempts"]) == (made["id"], 1)
        assert listed["last_error"] == "the relay refuses the address: [550]"
        again = await office.post("operator", f"deliveries/{made['id']}/resend")
        assert (again["state"], again["attempts"]) == ("waiting", 0)
        await _try(office, Outcome())
        sent = await office.get("gaonde", f"deliveries/{made['id']}")
        assert (sent["state"], sent["last_error"], sent["next_attempt_at"]) == ("sent", None, None)
        log = (await office.get("auditor", f"deliveries/{made['id']}/log"))["data"]
        assert [one["action"] for one in log] == ["give_up", "resend", "send"]
        async with office.pool.connection() as conn:
            await conn.execute("update person set disabled_at = now() where email = 'kim@gaonde.example'")
        refused = await office.refused("operator", f"deliveries/{made['id']}/resend")
        assert refused == (409, "place_gone")


async def _try(office: OfficeWorld, outcome: Outcome) -> None:
    """As the worker does, with this end."""
    now = office.now + timedelta(seconds=1)
    async with office.pool.connection() as conn:
        [row] = await outbox.take(conn, now=now, has_mail=True)
        await outbox.settle(conn, row, outcome, now=now)
