"""What each role is made of: one function per role or deed, and the only place where rooms are joined.

Heavy imports stand inside the functions on purpose: every command of the program passes through here, and a
gateway has no use for Alembic, nor `--help` for any of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from config.settings import Settings, read_master_secret
from launch.departures import BooksUnavailable
from launch.refusal import Refused

if TYPE_CHECKING:
    from billing.alerts.mail import Relay
    from billing.alerts.work import AlertWork
    from billing.database import Connection
    from billing.payables.stripe_transfers import StripeTransfers
    from billing.payments.stripe_adapter import StripeCards
    from billing.secrets import Secrets
    from launch.gateway_main import GatewayRole


def database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise Refused("This command needs DATABASE_URL; `voucher-gateway up` starts a database of its own.")
    return settings.database_url


def redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise Refused("This command needs REDIS_URL; `voucher-gateway up` starts a Valkey of its own.")
    return settings.redis_url


async def secrets_of(settings: Settings, connection: Connection) -> Secrets:
    """What the master secret is good for, once the books know it as theirs. Raises Refused."""
    from billing import house
    from billing.secrets import Secrets

    secrets = Secrets(read_master_secret(settings))
    try:
        await house.check_secret(connection, secrets)
    except house.OtherSecret:
        raise Refused(
            "VOUCHER_GATEWAY_SECRET is not the secret these books were begun under: "
            "all processes on one DATABASE_URL need the same."
        ) from None
    return secrets


def cards_of(settings: Settings) -> StripeCards | None:
    """Stripe, to be closed by the caller; None where there is no key, and card payment is off."""
    if settings.stripe_api_key is None:
        return None
    from billing.payments.stripe_adapter import StripeCards

    return StripeCards(settings.stripe_api_key, base=settings.stripe_api_base)


def transfers_of(settings: Settings) -> StripeTransfers | None:
    """Stripe Connect, to be closed by the caller; None where providers are paid by bank file alone."""
    if settings.stripe_api_key is None:
        return None
    from billing.payables.stripe_transfers import StripeTransfers

    return StripeTransfers(settings.stripe_api_key, base=settings.stripe_api_base)


def relay_of(settings: Settings) -> Relay | None:
    """Where mail goes out; None where no relay is named, and mail is off. Raises Refused."""
    if settings.smtp_host is None:
        return None
    from billing.alerts.mail import Relay

    if settings.mail_sender is None:
        raise Refused("SMTP_HOST needs MAIL_SENDER: the address that mail comes from.")
    if settings.smtp_security == "none" and settings.smtp_user is not None:
        raise Refused("SMTP_USER is not sent in clear: set SMTP_SECURITY to starttls or tls.")
    return Relay(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_sender,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )


def alerts_of(settings: Settings) -> AlertWork:
    """What the worker tells people and webhooks; to be closed by the caller. Raises Refused."""
    from billing.alerts.posting import Poster
    from billing.alerts.work import AlertWork
    from billing.secrets import Secrets

    poster = Poster(Secrets(read_master_secret(settings)), allow_private=settings.upstream_allow_private)
    days = [int(day) for day in settings.alert_days.split(",")]
    return AlertWork(poster, relay_of(settings), days)


# -- the gateway


async def build_gateway(settings: Settings, *, gateway_id: str) -> GatewayRole:
    from launch import gateway_role

    return await gateway_role.build_gateway(settings, gateway_id=gateway_id)


def gateway_protocol() -> type[asyncio.Protocol]:
    from gateway.asgi.protocol import LimitedProtocol

    return LimitedProtocol


# -- the books


def migrate(settings: Settings) -> None:
    import psycopg

    from billing import migrate as migrations

    try:
        migrations.upgrade(database_url(settings))
    except psycopg.OperationalError as error:
        raise Refused(f"PostgreSQL at DATABASE_URL cannot be reached: {str(error).strip()}") from error


async def mark_gateway_ended(settings: Settings, gateway_id: str) -> None:
    """Raises BooksUnavailable."""
    import psycopg

    from billing import database, gateways

    try:
        async with await database.connect(database_url(settings)) as connection:
            await gateways.mark_gateway_ended(connection, gateway_id)
    except psycopg.Error as error:
        raise BooksUnavailable(str(error).strip()) from error
