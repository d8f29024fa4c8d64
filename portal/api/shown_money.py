"""The answers of statements, months, corrections and reconciliations as models. Won are decimal strings."""

from __future__ import annotations

from typing import Any

from portal.api.shown import Shown


class AmountsShown(Shown):
    supply_krw: str
    government_krw: str
    self_krw: str
    own_krw: str
    uncollected_krw: str


class LineShown(Shown):
    """`exact`: what was booked, to the micro-won; the other amounts are whole won.

    `unit`: of a product that is reported; `calls` are its lines then.
    """

    kind: str
    service_month: str
    programme: str
    company: str
    voucher: str
    provider: str
    product: str | None
    unit: str | None
    calls: int
    won: AmountsShown
    vat_krw: str
    total_krw: str
    exact: AmountsShown


class PartyShown(Shown):
    id: str
    name: str
    brn: str | None


class TaxInvoiceShown(Shown):
    supplier: PartyShown
    buyer: PartyShown
    written_on: str
    supply_krw: str
    vat_krw: str
    total_krw: str
    missing: list[str]


class StatementShown(Shown):
    number: str
    subject: str
    id: str
    month: str
    state: str
    calls: int
    won: AmountsShown
    vat_krw: str
    total_krw: str
    exact: AmountsShown
    booked: AmountsShown
    rest: AmountsShown
    lines_sha256: str | None
    lines: list[LineShown]
    tax_invoices: list[TaxInvoiceShown]


class MonthShown(Shown):
    id: str
    state: str
    lines: int | None
    charge_krw: str | None
    lines_sha256: str | None


class CorrectionShown(Shown):
    id: str
    state: str
    provider: str
    cause: str
    product: str | None
    reconciliation: str | None
    reason: str
    proposer: str | None
    calls: int
    before_krw: str
    after_krw: str
    created_at: str


class CorrectedCallShown(Shown):
    id: str
    kind: str
    before_krw: str
    after_krw: str
    price_from: str
    tokens: dict[str, int]


class ReconciliationShown(Shown):
    id: str
    provider: str
    month: str
    file_name: str
    file_sha256: str
    rows: int
    result: dict[str, Any]
    person: str | None
    at: str


class ReconciliationLineShown(Shown):
    id: str
    match: str
    upstream_request_id: str | None
    call: str | None
    theirs: dict[str, Any] | None
    ours: dict[str, Any] | None
    reasons: list[str]
