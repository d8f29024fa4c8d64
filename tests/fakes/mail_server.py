"""A real mail server in the test's own loop: keeps what it takes, refuses what it is told to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(slots=True)
class MailServer:
    """aiosmtpd's handler. `refusing`: what is answered to an address, by its text."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    refusing: dict[str, str] = field(default_factory=dict)
    at_data: str | None = None
    slow_s: float = 0.0  # before each of its answers to an address and to a text

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.slow_s)
        if address in self.refusing:
            return self.refusing[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.slow_s)
        if self.at_data is not None:
            return self.at_data
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.envelopes.append((str(envelope.mail_from), tuple(envelope.rcpt_tos)))
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"

    def texts(self) -> list[tuple[str, str]]:
        """Each subject with its body."""
        return [(str(mail["Subject"]), mail.get_content()) for mail in self.mails]


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, *, is_tls_first: bool = False
) -> AsyncIterator[MailServer]:
    """`tls`: it asks for STARTTLS, or speaks TLS from the first byte."""
    made = MailServer()
    starttls = None if is_tls_first else tls

    def session() -> SMTP:
        return SMTP(
            made, hostname="relay.example", tls_context=starttls, require_starttls=starttls is not None
        )

    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", 0, ssl=tls if is_tls_first else None
    )
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
