"""What the API answers about payables, payments to providers, their accounts and objections."""

from __future__ import annotations

from portal.api.shown import Shown
from portal.api.shown_money import LineShown


class PayableShown(Shown):
    """`amount_krw` = `supply_krw` + `carried_krw` - `holdback_krw` + `back_krw`; VAT is the companies' alone.

    `back_krw`: what came back in part of another payable's payment; `reversed_krw`: of this one's.
    """

    id: str
    provider: str
    provider_name: str
    month: str
    kind: str
    state: str
    supply_krw: str
    carried_krw: str
    holdback_krw: str
    back_krw: str
    amount_krw: str
    uncollected_krw: str
    rest_krw: str
    holdback_released: bool
    of_payable: str | None
    objections_open: int
    proposer: str | None
    hold_reason: str | None
    hold_case: str | None
    rail: str | None
    payout: str | None
    paid_at: str | None
    reversed_krw: str
    created_at: str


class PayableLinesShown(Shown):
    """The lines of a provider's final statement: their supply value is the payable's."""

    id: str
    provider: str
    month: str
    supply_krw: str
    lines: list[LineShown]


class PayoutShown(Shown):
    id: str
    payable: str
    provider: str
    rail: str
    state: str
    amount_krw: str
    account: str
    batch: str | None
    memo: str
    sent_at: str
    paid_at: str | None
    returned_at: str | None
    return_reason: str | None
    reversed_krw: str


class PayoutAccountShown(Shown):
    id: str
    provider: str
    provider_name: str
    rail: str
    state: str
    bank_code: str | None
    account: str
    holder: str
    created_at: str


class PayoutBatchShown(Shown):
    id: str
    payouts: int
    paid: int
    returned: int
    amount_krw: str
    file_sha256: str
    person: str
    at: str


class PayoutFileShown(Shown):
    """`content`: the file's text, in UTF-8 of the hash that is shown."""

    id: str
    file_name: str
    file_sha256: str
    content: str


class ObjectionShown(Shown):
    id: str
    payable: str | None
    provider: str
    provider_name: str
    company: str | None
    month: str
    voucher: str | None
    product: str | None
    state: str
    reason: str
    answer: str | None
    correction: str | None
    created_at: str
