"""Alerts by mail: plain text over SMTP, with TLS unless the relay is this machine's own.

The library refuses line feeds in commands, the message's policy refuses them in headers; addresses are looked
at here, since a list of them would be read as several.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final, Literal

import aiosmtplib

from billing.alerts import words
from billing.alerts.outbox import Outcome

TIMEOUT_S: Final = 10.0  # of each thing that is said
WHOLE_TIMEOUT_S: Final = 30.0  # of the whole conversation: shorter than it is lent for
_ADDRESS: Final = re.compile(r"[^\s@<>,;:\"\\()\[\]\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,253}")

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Relay:
    """`security`: STARTTLS that must succeed, TLS from the first byte, or none at all."""

    host: str
    port: int
    sender: str
    security: Security = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None  # None: what this machine trusts
    whole_timeout_s: float = WHOLE_TIMEOUT_S

    async def send(self, row: Mapping[str, Any]) -> Outcome:
        if row["disabled_at"] is not None:
            return Outcome("the person's account is disabled", is_final=True)
        if _ADDRESS.fullmatch(row["email"]) is None:
            return Outcome("not one mail address", is_final=True)
        try:
            async with asyncio.timeout(self.whole_timeout_s):
                await self._send(row)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            codes = [one.code for one in refused.recipients]
            return Outcome(f"the relay refuses the address: {codes}", is_final=min(codes) >= 500)
        except aiosmtplib.SMTPResponseException as refused:
            return Outcome(f"the relay answered {refused.code}")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Outcome(f"no mail to the relay: {type(error).__name__}")
        return Outcome()

    async def _send(self, row: Mapping[str, Any]) -> None:
        await aiosmtplib.send(
            message_of(row, self.sender),
            sender=self.sender,
            recipients=[row["email"]],
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            tls_context=self.tls,
            timeout=TIMEOUT_S,
        )


def message_of(row: Mapping[str, Any], sender: str) -> EmailMessage:
    """Its Message-ID is the delivery's, so that a repeat is known as one."""
    said = words.said(row)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = row["email"]
    message["Subject"] = " ".join(said.subject.split())
    message["Date"] = format_datetime(row["at"])
    message["Message-ID"] = f"<{row['id']}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = row["language"]
    message.set_content(said.body)
    return message
