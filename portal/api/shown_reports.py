"""The answers about reported use as models (see portal.api.shown)."""

from __future__ import annotations

from pydantic import Field

from portal.api.shown import Shown


class UnitPriceShown(Shown):
    tier: str | None
    from_at: str = Field(alias="from")
    price_krw: str


class ReportedProductShown(Shown):
    id: str
    provider: str
    name: str
    unit: str
    state: str
    report_days: int
    objection_days: int
    accept_from_krw: str | None
    prices: list[UnitPriceShown]


class MilestoneShown(Shown):
    """`state`: of the line that reported it, if one did."""

    id: str
    agreement: str
    company: str
    provider: str
    number: int
    product: str
    name: str
    due_on: str
    amount_krw: str
    state: str | None


class ReportKeyShown(Shown):
    """`id` is the `kid` of what it signs."""

    id: str
    provider: str
    public_key: str
    state: str
    from_at: str
    until_at: str | None


class TakenLineShown(Shown):
    """`line`: ours, of one that was taken; else `code` and `detail` say why it was not."""

    id: str
    line: str | None
    code: str | None
    detail: str | None = None


class UsageReportShown(Shown):
    id: str
    provider: str
    report: str
    key: str
    issued_at: str
    received_at: str
    outcome: str
    content_sha256: str
    lines: list[TakenLineShown]


class ReportLineShown(Shown):
    """`units` of which `per` are one `unit` of the price; `waits_for`: why it is not charged yet."""

    id: str
    provider: str
    line: str
    report: str
    company: str
    agreement: str | None
    product: str
    tier: str | None
    unit: str
    quantity: str
    units: int
    per: int
    from_on: str
    to_on: str
    evidence: str
    corrects: str | None
    needs_acceptance: bool
    due_at: str
    reported_at: str
    price: str
    amount_krw: str
    state: str
    waits_for: str | None
    voucher: str | None
