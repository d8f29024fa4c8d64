"""Statements and months as the API shows them: won as decimal strings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.statements.amounts import Amounts, in_micro
from billing.statements.lines import Line
from billing.statements.month import Month
from billing.statements.statement import Party, Statement, TaxInvoice
from metering.money import format_krw

Shown = dict[str, Any]


def statement(one: Statement) -> Shown:
    return {
        "number": one.number,
        "subject": one.subject.kind,
        "id": one.subject.id,
        "month": str(one.month),
        "state": one.state,
        "calls": one.calls,
        "won": _amounts(in_micro(one.won)),
        "vat_krw": str(one.vat_won),
        "total_krw": str(one.total_won),
        "exact": _amounts(one.exact_micro),
        "booked": _amounts(one.booked_micro),
        "rest": _amounts(one.rest_micro),
        "lines_sha256": one.lines_sha256,
        "lines": [line(one_line, one.directory.units.get(one_line.product_id)) for one_line in one.lines],
        "tax_invoices": [_tax_invoice(invoice) for invoice in one.tax_invoices],
    }


def _amounts(micro: Amounts) -> Shown:
    return {
        "supply_krw": format_krw(micro.supply),
        "government_krw": format_krw(micro.government),
        "self_krw": format_krw(micro.deposit),
        "own_krw": format_krw(micro.own),
        "uncollected_krw": format_krw(micro.uncollected),
    }


def line(one: Line, unit: str | None = None) -> Shown:
    return {
        "kind": "late" if one.kind == "usage" and one.is_late else one.kind,
        "service_month": str(one.service_month),
        "programme": one.account.programme_id,
        "company": one.account.company_id,
        "voucher": one.account.voucher_id,
        "provider": one.account.provider_id,
        "product": one.product_id or None,
        "unit": unit,
        "calls": one.calls,
        "won": _amounts(in_micro(one.won)),
        "vat_krw": str(one.vat_won),
        "total_krw": str(one.total_won),
        "exact": _amounts(one.exact_micro),
    }


def _party(party: Party) -> Shown:
    return {"id": party.id, "name": party.name, "brn": party.brn}


def _tax_invoice(invoice: TaxInvoice) -> Shown:
    return {
        "supplier": _party(invoice.supplier),
        "buyer": _party(invoice.buyer),
        "written_on": invoice.written_on.isoformat(),
        "supply_krw": str(invoice.supply_won),
        "vat_krw": str(invoice.vat_won),
        "total_krw": str(invoice.total_won),
        "missing": list(invoice.missing),
    }


def month(of: Month, closed: Mapping[str, Any] | None) -> Shown:
    """`closed`: its row, None while it is open."""
    return {
        "id": str(of),
        "state": "open" if closed is None else "closed",
        "lines": None if closed is None else closed["lines"],
        "charge_krw": None if closed is None else format_krw(closed["charge_micro"]),
        "lines_sha256": None if closed is None else closed["lines_sha256"],
    }
