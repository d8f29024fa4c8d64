"""Alerts on their way, over real sockets: a mail server, a receiver that verifies, and what goes wrong."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientConnectorError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from billing.alerts import places, signing
from billing.alerts.mail import Relay, message_of
from billing.alerts.outbox import LEASE, PAUSES, Outcome
from billing.alerts.posting import Poster, _why, takes_address
from billing.casework.deeds import steps_of
from billing.lifecycle.webhook import OVERLAP
from billing.worker import run_worker
from metering.purse_memory import MemoryPurse
from tests.billing.alerts.conftest import WON, Told
from tests.fakes.hook_receiver import hook_receiver, is_signed
from tests.fakes.mail_server import mail_server
from tests.fakes.office_world import NOW

ROW: Final[dict[str, Any]] = {
    "id": "dl-000000001",
    "kind": "voucher_balance",
    "about": "gaonde-2026",
    "detail": {"percent": 95, "granted_micro": 7_500 * WON, "spent_micro": 7_200 * WON},
    "at": NOW,
    "language": "ko",
    "email": "kim@gaonde.example",
    "disabled_at": None,
}


# -- both ways


async def test_an_alert_comes_by_mail_and_webhook(told: Told) -> None:
    told.later(dt.datetime.now(dt.UTC) - NOW)
    await told.pay()
    await told.work()
    [(subject, body)] = told.mail.texts()
    assert subject == "[AI 바우처 게이트웨이] 정산금 지급: po-1"
    assert body.startswith("1원 지급했습니다.")
    assert told.mail.envelopes == [("alerts@agency.example", ("bae@nuri.example",))]
    mail, hook = await told.deliveries("mail"), await told.deliveries("webhook")
    [(webhook_id, said)] = told.hook.got
    assert webhook_id == hook[0]["id"]
    assert told.mail.mails[0]["Message-ID"] == f"<{mail[0]['id']}@agency.example>"
    assert said == {
        "type": "payout_made",
        "timestamp": told.now.isoformat(),
        "data": {"about": "po-1", "company": None, "provider": "nuri", "amount_micro": WON},
    }
    assert [(row["state"], row["sent_at"]) for row in mail + hook] == [("sent", told.now)] * 2
    headers, raw = told.hook.raw[0]
    assert _verifies(told.hook.secret, raw, headers)  # its time too
    await told.work()
    assert (len(told.mail.mails), len(told.hook.got)) == (1, 1)


async def test_each_hears_what_is_chosen_in_the_language_chosen(told: Told) -> None:
    async with told.office.pool.connection() as conn:
        await places.choose(conn, told.deed("nuri"), kinds=["payout_made"], language="en")
        await places.choose(conn, told.deed("operator"), kinds=["payout_made"], language="ko")
        await places.choose(conn, told.deed("other"), kinds=["payout_made"], language="ko")
    await told.pay()
    await told.work()
    subjects = {str(mail["To"]): str(mail["Subject"]) for mail in told.mail.mails}
    assert subjects == {
        "bae@nuri.example": "[AI voucher gateway] Payout made: po-1",
        "operator@example.org": "[AI 바우처 게이트웨이] 정산금 지급: po-1",
    }
    async with told.office.pool.connection() as conn:
        await places.choose(conn, told.deed("nuri"), kinds=[], language="en")
    await told.pay()
    await told.work()
    assert [str(mail["To"]) for mail in told.mail.mails[2:]] == ["operator@example.org"]


async def test_what_is_not_there_is_tried_again_ever_later_and_given_up(told: Told) -> None:
    told.hook.answers = [500] * 20
    told.mail.at_data = "451 try later"
    await told.pay()
    await told.work()
    assert await told.states("webhook") == [("waiting", 1, "answered 500")]
    assert await told.states("mail") == [("waiting", 1, "the relay answered 451")]
    for pause in PAUSES:
        told.later(pause - dt.timedelta(seconds=1))
        before = len(told.hook.got)
        await told.work()
        assert len(told.hook.got) == before
        told.later(dt.timedelta(seconds=1))
        await told.work()
        assert len(told.hook.got) == before + 1
    assert await told.states("webhook") == [("failed", 1 + len(PAUSES), "answered 500")]
    assert await told.states("mail") == [("failed", 1 + len(PAUSES), "the relay answered 451")]
    assert {one for one, _ in told.hook.got} == {(await told.deliveries("webhook"))[0]["id"]}
    told.hook.answers, told.mail.at_data = [], None
    for row in await told.deliveries():
        async with told.office.pool.connection() as conn, conn.transaction():
            await places.resend(conn, row["id"], deed=told.deed())
    await told.work()
    assert {row["state"] for row in await told.deliveries()} == {"sent"}
    async with told.office.pool.connection() as conn:
        log = await steps_of(conn, "delivery", (await told.deliveries("webhook"))[0]["id"])
    assert [(step["action"], step["role"]) for step in log] == [
        ("give_up", "clock"),
        ("resend", "provider"),
        ("send", "clock"),
    ]


# -- workers


async def test_the_worker_looks_and_sends(told: Told) -> None:
    await told.pay()
    stop = asyncio.Event()
    alerts = told.worker()
    purse = MemoryPurse(now_ms=lambda: 0)
    running = asyncio.create_task(run_worker(told.url, purse, stop, lanes=(), alerts=alerts))
    async with asyncio.timeout(30):
        while {row["state"] for row in await told.deliveries()} != {"sent"}:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)
    stop.set()
    await running
    await alerts.close()
    assert (len(told.hook.got), len(told.mail.mails)) == (1, 1)


class Killed(Poster):
    """Sends, and never comes to say so."""

    async def send(self, row: Mapping[str, Any], *, now: dt.datetime) -> Outcome:
        await super().send(row, now=now)
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")


async def test_a_worker_killed_after_sending_leaves_it_to_another_under_the_same_id(told: Told) -> None:
    await told.pay()
    dying = asyncio.create_task(told.work(told.worker(Killed(told.office.secrets, allow_private=True))))
    async with asyncio.timeout(20):
        while not (told.hook.got and told.mail.mails):  # noqa: ASYNC110 - a socket raises no event
            await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await told.work()
    assert len(told.hook.got) == 1  # whoever took it may still be at it
    told.later(LEASE)
    await told.work()
    assert [one for one, _ in told.hook.got] == [(await told.deliveries("webhook"))[0]["id"]] * 2
    assert await told.states("webhook") == [("sent", 2, None)]


async def test_two_workers_send_each_once(told: Told) -> None:
    await told.pay(30)
    await asyncio.gather(told.work(), told.work())
    await told.work()
    ids = [one for one, _ in told.hook.got]
    assert (len(ids), len(set(ids))) == (30, 30)
    assert len({str(mail["Message-ID"]) for mail in told.mail.mails}) == len(told.mail.mails) == 30


# -- webhooks that misbehave


async def test_a_receiver_that_hangs_redirects_or_talks_too_much(told: Told) -> None:
    async with hook_receiver() as inside:
        told.hook.answers = ["hang", inside.url, 200]
        told.hook.body_bytes = 3_000_000
        await told.pay()
        await told.work()
        errors = [(await told.states("webhook"))[0][2]]
        for pause in PAUSES[:2]:
            told.later(pause)
            await told.work()
            errors.append((await told.states("webhook"))[0][2])
        assert errors == ["no answer in time", "answered 307: redirects are not followed", None]
        assert inside.raw == []
        assert (await told.states("webhook"))[0][:2] == ("sent", 3)


async def test_a_receiver_that_is_gone_is_left_alone(told: Told) -> None:
    told.hook.answers = [410]
    await told.pay(1)
    await told.work()
    assert await told.states("webhook") == [("failed", 1, "answered 410")]
    await told.pay(1)
    await told.work()
    assert len(told.hook.raw) == 1
    async with told.office.pool.connection() as conn:
        row = await places.find_hook(conn, told.webhook_id)
        log = await steps_of(conn, "webhook", told.webhook_id)
    assert row["state"] == "paused"
    assert [step["action"] for step in log] == ["make", "refuse"]


async def test_a_secret_is_changed_with_overlap(told: Told) -> None:
    former = told.hook.secret
    async with told.office.pool.connection() as conn, conn.transaction():
        latter = await places.rotate_hook(conn, told.office.secrets, told.webhook_id, deed=told.deed())
    assert latter != former
    assert latter.startswith("whsec_")

    async def good() -> list[bool]:
        """Whether each secret verifies what comes now."""
        await told.pay()
        await told.work()
        headers, body = told.hook.raw[-1]
        return [is_signed(secret, body, headers) for secret in (former, latter)]

    assert await good() == [True, True]
    told.later(OVERLAP)
    assert await good() == [False, True]


def _verifies(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True


def test_what_is_signed_verifies_and_what_is_changed_does_not() -> None:
    at = int(dt.datetime.now(dt.UTC).timestamp())
    secret, body = signing.new_secret(), '{"어": 1}'.encode()
    headers = signing.headers("dl-1", body, [secret], at_s=at)
    assert _verifies(secret, body, headers)
    changes: tuple[tuple[str, bytes, Mapping[str, str]], ...] = (
        (secret, body + b" ", headers),
        (secret, body, headers | {"webhook-id": "dl-2"}),
        (secret, body, headers | {"webhook-timestamp": str(at + 1)}),
        (signing.new_secret(), body, headers),
    )
    assert [_verifies(*change) for change in changes] == [False] * 4


ADDRESSES: Final = (
    ("https://hooks.example.com/a?token=1&b=2", True),
    ("http://hooks.example.com/a", False),
    ("https://127.0.0.1/a", False),
    ("https://2130706433/a", False),
    ("https://[::ffff:10.0.0.1]/", False),
    ("https://169.254.169.254/latest", False),
    ("https://office.internal/", False),
    ("https://kim:pw@hooks.example.com/", False),
    ("https://hooks.example.com/#a", False),
    ("https://hooks.example.com/a?b#c", False),
    ("https://hooks.example.com/a?b\r\nx: y", False),
    ("https://예시.example/", False),
    ("ftp://hooks.example.com/", False),
    ("https://" + "a" * 2_000 + ".example/", False),
    ("", False),
)


@pytest.mark.parametrize(("url", "is_taken"), ADDRESSES, ids=[url[:40] for url, _ in ADDRESSES])
def test_which_addresses_are_taken(url: str, is_taken: bool) -> None:
    assert takes_address(url, allow_private=False) is is_taken


async def test_a_name_that_leads_inside_is_refused_on_connecting(told: Told) -> None:
    """Whatever was thought of it before: the socket itself is not made."""
    poster = Poster(told.office.secrets, allow_private=False)
    row = ROW | {"url": told.hook.url, "sealed": b"", "sealed_former": None, "webhook_id": "wh-1"}
    with pytest.raises(ClientConnectorError) as refused:
        await poster._post(told.hook.url, b"{}", {})
    assert _why(refused.value) == "the webhook's address is a private one"
    assert await poster.send(row, now=NOW) == Outcome("the address is not taken any more", is_final=True)
    await poster.close()
    assert told.hook.raw == []


# -- mail that misbehaves


async def test_an_address_that_the_relay_refuses_is_given_up_at_once(told: Told) -> None:
    told.mail.refusing["bae@nuri.example"] = "550 no such user"
    await told.pay()
    await told.work()
    assert await told.states("mail") == [("failed", 1, "the relay refuses the address: [550]")]
    told.mail.refusing["bae@nuri.example"] = "450 greylisted"
    await told.pay()
    await told.work()
    assert (await told.states("mail"))[1] == ("waiting", 1, "the relay refuses the address: [450]")
    told.later(PAUSES[0])
    told.mail.refusing.clear()
    await told.work()
    assert (await told.states("mail"))[1] == ("sent", 2, None)


HOSTILE: Final = (
    {"email": "a@b.example, c@d.example"},
    {"email": "a@b.example\r\nBcc: c@d.example"},
    {"email": "<a@b.example>"},
    {"email": "a b@c.example"},
    {"email": "@"},
)


@pytest.mark.parametrize("changes", HOSTILE, ids=lambda one: str(next(iter(one.values())))[:20])
async def test_what_is_not_one_address_gets_no_mail(changes: dict[str, Any]) -> None:
    async with mail_server() as server:
        relay = Relay("127.0.0.1", server.port, "alerts@agency.example", security="none")
        assert await relay.send(ROW | changes) == Outcome("not one mail address", is_final=True)
        assert server.envelopes == []


def test_what_the_books_hold_is_no_header() -> None:
    hostile = "x\r\nBcc: c@d.example\r\n\r\nbody"
    message = message_of(ROW | {"about": hostile, "detail": {"reason": hostile}}, "alerts@agency.example")
    assert message["Bcc"] is None
    assert "Bcc" in str(message["Subject"])  # text of it, in one line
    assert message.get_content_type() == "text/plain"


def tls_of(path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's, with a certificate of its own making, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert = path / "cert.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert)
    return server, ssl.create_default_context(cafile=str(cert))


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_encrypted_to_a_relay_that_is_known(tmp_path: Path, security: Any) -> None:
    served, trusting = tls_of(tmp_path)
    async with mail_server(served, is_tls_first=security == "tls") as server:
        relay = Relay("localhost", server.port, "alerts@agency.example", security, tls=trusting)
        assert await relay.send(ROW) == Outcome()
        [(subject, body)] = server.texts()
        assert subject == "[AI 바우처 게이트웨이] 바우처 gaonde-2026: 정부지원금 95% 사용"
        assert body.startswith("정부지원금 7,500원 중 7,200원 사용했습니다.")
        if security == "starttls":
            assert server.was_encrypted == [True]
        stranger = Relay("localhost", server.port, "alerts@agency.example", security)
        assert (await stranger.send(ROW)).error is not None
        assert len(server.mails) == 1


async def test_mail_is_not_sent_in_clear_where_tls_is_asked_for() -> None:
    async with mail_server() as server:
        relay = Relay("127.0.0.1", server.port, "alerts@agency.example")
        assert (await relay.send(ROW)).error is not None
        assert server.mails == []


async def test_a_relay_that_is_away_is_tried_again() -> None:
    relay = Relay("127.0.0.1", 9, "alerts@agency.example", security="none")
    outcome = await relay.send(ROW)
    assert (outcome.error, outcome.is_final) == ("no mail to the relay: SMTPConnectError", False)
