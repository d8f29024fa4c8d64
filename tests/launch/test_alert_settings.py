"""What the environment says of mail, and what of it is refused before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from config.settings import BadSettings, read_settings, to_environment
from launch import roles
from launch.refusal import Refused

WHOLE: Final = {"SMTP_HOST": "relay.example", "MAIL_SENDER": "alerts@agency.example"}


def test_without_a_relay_mail_is_off() -> None:
    assert roles.relay_of(read_settings({})) is None


def test_a_relay_asks_for_tls_by_itself() -> None:
    relay = roles.relay_of(read_settings(WHOLE | {"SMTP_USER": "a", "SMTP_PASSWORD": "s3cret"}))
    assert relay is not None
    assert (relay.host, relay.port, relay.security) == ("relay.example", 587, "starttls")
    assert "s3cret" not in repr(relay)


@pytest.mark.parametrize(
    "said",
    [
        {"SMTP_HOST": "relay.example"},
        WHOLE | {"SMTP_SECURITY": "none", "SMTP_USER": "a"},
    ],
    ids=["no sender", "a password in clear"],
)
def test_a_relay_that_cannot_be_is_refused(said: Mapping[str, str]) -> None:
    with pytest.raises(Refused):
        roles.relay_of(read_settings(said))


@pytest.mark.parametrize(
    "said",
    [
        WHOLE | {"MAIL_SENDER": "a@b.example\nBcc: c@d.example"},
        WHOLE | {"SMTP_SECURITY": "ssl"},
        {"VOUCHER_GATEWAY_ALERT_DAYS": "30;7"},
        {"VOUCHER_GATEWAY_ALERT_DAYS": "-1"},
    ],
    ids=["a header", "a word", "a list", "a day"],
)
def test_what_cannot_be_read_is_refused(said: Mapping[str, str]) -> None:
    with pytest.raises(BadSettings):
        read_settings(said)


def test_a_child_reads_the_same() -> None:
    settings = read_settings(WHOLE | {"VOUCHER_GATEWAY_ALERT_DAYS": "14"})
    assert read_settings(to_environment(settings)) == settings
