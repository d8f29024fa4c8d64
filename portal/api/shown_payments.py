"""What the API answers about the company's own money."""

from __future__ import annotations

from portal.api.shown import Shown


class PaymentShown(Shown):
    id: str
    company: str
    voucher: str | None
    rail: str
    method: str
    state: str
    amount_krw: str
    paid_krw: str
    refunded_krw: str
    lost_krw: str
    created_at: str


class BegunPayment(PaymentShown):
    """With what its payer needs to go on; shown in this answer only."""

    checkout_url: str | None
    client_secret: str | None
    transfer_reference: str | None


class OwnMoneyShown(Shown):
    id: str
    company: str
    own_krw: str
    owed_krw: str


class OwnFundShown(Shown):
    """`id` is the company's. What is filled in and not spent can be spent by calls."""

    id: str
    company: str
    voucher: str
    state: str
    limit_krw: str
    filled_krw: str
    spent_krw: str


class CardShown(Shown):
    id: str
    company: str
    label: str
    automatic: bool
    voucher: str | None
    threshold_krw: str
    amount_krw: str
    paused: str | None
    saved_at: str


class RemovedCard(Shown):
    """What it was. There is none now."""

    id: str
    company: str
    label: str


class BankLineShown(Shown):
    id: str
    amount_krw: str
    paid_on: str
    sender: str
    memo: str
    company: str | None
    payment: str | None
    entered_at: str
