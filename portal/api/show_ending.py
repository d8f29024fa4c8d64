"""Settlements, findings and rules as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from billing.lifecycle.table import Role
from billing.settlements.rules import Rules
from billing.statements.sheet import Column, Sheet, Value
from metering import shares
from metering.money import format_krw
from portal.api.show import at, day, krw

Row = Mapping[str, Any]
Shown = dict[str, Any]


def settlement(row: Row, rules: Rules, returns: Sequence[Row] = ()) -> Shown:
    spent = shares.government_micro(row["charged_micro"], row["share_ppm"])
    is_held = row["findings_undecided"] or row["claims_unpaid"]
    return {
        "id": row["id"],
        "agreement": row["agreement_id"],
        "voucher": row["voucher_id"],
        "programme": row["programme_id"],
        "company": row["company_id"],
        "state": row["state"],
        "ended_on": day(row["ended_on"]),
        "government_krw": krw(row["government_micro"]),
        "self_deposit_krw": krw(row["self_micro"]),
        "spent_government_krw": krw(spent),
        "spent_self_krw": krw(row["charged_micro"] - spent),
        "pending_government_krw": krw(row["pending_government_micro"]),
        "pending_self_krw": krw(row["pending_self_micro"]),
        "returned_government_krw": krw(row["returned_government_micro"]),
        "returned_self_krw": krw(row["returned_self_micro"]),
        "interest_krw": krw(row["interest_micro"]),
        "interest_document": row["interest_document"],
        "verification_needed": rules.verification_needed(row["government_micro"]),
        "verification": row["verification"],
        "verification_reference": row["verification_ref"],
        "verified_by": row["verified_by"],
        "kept_on": None if is_held else day(rules.kept_until(row["ended_on"])),
        "created_at": at(row["created_at"]),
        "returns": [
            {
                "number": one["number"],
                "government_krw": krw(one["government_micro"]),
                "self_krw": krw(one["self_micro"]),
                "interest_krw": krw(one["interest_micro"]),
                "at": at(one["at"]),
            }
            for one in returns
        ],
    }


def sheet(form: str, one: Sheet) -> Shown:
    """As printed: whole won are integers, exact amounts decimal strings."""
    return {
        "form": form,
        "title": one.title,
        "columns": [column.title for column in one.lines.columns],
        "rows": [_cells(row, one.lines.columns) for row in one.lines.rows],
        "totals": [_cells(row, one.lines.columns) for row in one.lines.closing],
        "notes": list(one.notes),
    }


def _cells(row: Sequence[Value], columns: Sequence[Column]) -> list[Value]:
    return [
        format_krw(value) if isinstance(value, int) and column.kind == "exact" else value
        for value, column in zip(row, columns, strict=True)
    ]


def finding(row: Row, lines: Sequence[Row] = (), *, to: Role) -> Shown:
    """A company hears what was found and why, not which person found it."""
    return {
        "id": row["id"],
        "agreement": row["agreement_id"],
        "voucher": row["voucher_id"],
        "programme": row["programme_id"],
        "company": row["company_id"],
        "state": row["state"],
        "reason": row["reason"],
        "person": row["person"] if to in ("operator", "auditor") else None,
        "government_krw": krw(row["government_micro"]),
        "self_krw": krw(row["self_micro"]),
        "objection_on": day(row["objection_until"]),
        "created_at": at(row["created_at"]),
        "lines": [
            {
                "kind": one["kind"],
                "call": one["call"],
                "product": one["product_id"],
                "month": one["month"],
                "government_krw": krw(one["government_micro"]),
                "self_krw": krw(one["self_micro"]),
            }
            for one in lines
        ],
    }


def rule(row: Row, *, to: Role) -> Shown:
    return {
        "id": row["id"],
        "programme": row["programme_id"],
        "name": row["name"],
        "subject": row["subject"],
        "from": day(row["from_day"]),
        "number": row["number"],
        "text": row["text"],
        "source": row["source"],
        "person": row["person"] if to in ("operator", "auditor") else None,
        "at": at(row["at"]),
    }
