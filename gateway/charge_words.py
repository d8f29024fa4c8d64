"""What a client is told of the charge of its call: in its answer's head, or in a comment at its end. Pure."""

from __future__ import annotations

from gateway.asgi.response import Headers
from gateway.exchange import Exchange
from gateway.outcome import Outcome
from metering.money import format_krw
from metering.shares import capacity


def charge_headers(exchange: Exchange, outcome: Outcome) -> Headers:
    headers: Headers = [(b"x-voucher-charge-krw", format_krw(outcome.event.charge_micro).encode())]
    available = _available_micro(exchange, outcome)
    if available is not None:
        headers.append((b"x-voucher-available-krw", format_krw(available).encode()))
    return headers


def comment(exchange: Exchange, outcome: Outcome, *, cut: bool) -> bytes:
    words = [f"charge_krw={format_krw(outcome.event.charge_micro)}"]
    available = _available_micro(exchange, outcome)
    if available is not None:
        words.append(f"available_krw={format_krw(available)}")
    if cut:
        words.append("ended=voucher_exhausted")
    return " ".join(words).encode()


def _available_micro(exchange: Exchange, outcome: Outcome) -> int | None:
    """What the voucher can still pay, by the purse's own answer to the settlement."""
    balance = outcome.balance
    if balance is None:
        return None
    total = capacity(
        grant_micro=balance.granted_government_micro,
        deposit_micro=balance.granted_self_micro,
        share_ppm=exchange.held.voucher.share_ppm,
    ).total_micro
    gone = balance.before_micro + balance.spent_micro + balance.held_micro + balance.frozen_micro
    return max(0, total - gone)
