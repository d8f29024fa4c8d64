"""The answers of settlements, findings and rules as models. Won are decimal strings."""

from __future__ import annotations

from pydantic import Field

from portal.api.shown import Shown


class ReturnShown(Shown):
    number: int
    government_krw: str
    self_krw: str
    interest_krw: str
    at: str


class SettlementBrief(Shown):
    """`agreement`: null of a voucher that was declared without one, here and below."""

    id: str
    agreement: str | None
    voucher: str
    programme: str
    company: str
    state: str
    ended_on: str


class SettlementShown(Shown):
    """`pending_…`: expired and not returned yet. `kept_on`: null as long as nobody may erase it."""

    id: str
    agreement: str | None
    voucher: str
    programme: str
    company: str
    state: str
    ended_on: str
    government_krw: str
    self_deposit_krw: str
    spent_government_krw: str
    spent_self_krw: str
    pending_government_krw: str
    pending_self_krw: str
    returned_government_krw: str
    returned_self_krw: str
    interest_krw: str | None
    interest_document: str | None
    verification_needed: str | None
    verification: str | None
    verification_reference: str | None
    verified_by: str | None
    kept_on: str | None
    created_at: str
    returns: list[ReturnShown] = Field(default_factory=list)


class SheetShown(Shown):
    """A statutory sheet's rows as they are printed: whole won; exact amounts are decimal strings."""

    form: str
    title: str
    columns: list[str]
    rows: list[list[str | int]]
    totals: list[list[str | int]]
    notes: list[str]


class FindingLineShown(Shown):
    kind: str
    call: str | None
    product: str | None
    month: str | None
    government_krw: str
    self_krw: str


class FindingShown(Shown):
    id: str
    agreement: str | None
    voucher: str
    programme: str
    company: str
    state: str
    reason: str
    person: str | None
    government_krw: str
    self_krw: str
    objection_on: str | None
    created_at: str
    lines: list[FindingLineShown] = Field(default_factory=list)


class SettlementRuleShown(Shown):
    id: str
    programme: str | None
    name: str
    subject: str
    from_day: str = Field(alias="from")
    number: int | None
    text: str | None
    source: str
    person: str | None
    at: str
