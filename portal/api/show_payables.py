"""Payables, payments to providers, accounts and objections as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billing.lifecycle.table import Role
from metering.money import MICRO_PER_WON
from portal.api.show import at, krw

Row = Mapping[str, Any]
Shown = dict[str, Any]
AGENCY: Final[tuple[Role, ...]] = ("operator", "auditor")


def won(whole: int) -> str | None:
    return krw(whole * MICRO_PER_WON)


def masked(last_characters: str) -> str:
    return f"****{last_characters}"


def payable(row: Row, *, to: Role) -> Shown:
    """Its provider hears why it is held, not which person of the agency proposed it."""
    return {
        "id": row["id"],
        "provider": row["provider_id"],
        "provider_name": row["provider_name"],
        "month": row["month"],
        "kind": row["kind"],
        "state": row["state"],
        "supply_krw": won(row["lines_won"]),
        "carried_krw": won(row["carried_won"]),
        "holdback_krw": won(row["holdback_won"]),
        "back_krw": won(row["back_won"]),
        "amount_krw": won(row["amount_won"]),
        "uncollected_krw": won(row["uncollected_won"]),
        "rest_krw": krw(row["rest_micro"]),
        "holdback_released": row["is_released"],
        "of_payable": row["of_payable"],
        "objections_open": row["objections_open"],
        "proposer": row["proposer"] if to in AGENCY else None,
        "hold_reason": row["hold_reason"],
        "hold_case": row["hold_case"],
        "rail": row["rail"],
        "payout": row["payout_id"],
        "paid_at": at(row["paid_at"]),
        "reversed_krw": won(row["reversed_won"]),
        "created_at": at(row["created_at"]),
    }


def payout(row: Row) -> Shown:
    return {
        "id": row["id"],
        "payable": row["payable_id"],
        "provider": row["provider_id"],
        "rail": row["rail"],
        "state": row["state"],
        "amount_krw": won(row["amount_won"]),
        "account": masked(row["last_characters"]),
        "batch": row["batch_id"],
        "memo": row["memo"],
        "sent_at": at(row["at"]),
        "paid_at": at(row["paid_at"]),
        "returned_at": at(row["returned_at"]),
        "return_reason": row["return_reason"],
        "reversed_krw": won(row["reversed_won"]),
    }


def account(row: Row) -> Shown:
    return {
        "id": row["id"],
        "provider": row["provider_id"],
        "provider_name": row["provider_name"],
        "rail": row["rail"],
        "state": row["state"],
        "bank_code": row["bank_code"],
        "account": masked(row["last_characters"]),
        "holder": row["holder"],
        "created_at": at(row["created_at"]),
    }


def batch(row: Row) -> Shown:
    return {
        "id": row["id"],
        "payouts": row["payouts"],
        "paid": row["paid"],
        "returned": row["returned"],
        "amount_krw": won(row["amount_won"]),
        "file_sha256": row["file_sha256"],
        "person": row["person"],
        "at": at(row["at"]),
    }


def objection(row: Row, *, to: Role) -> Shown:
    """A company knows its line, not what its provider is owed."""
    return {
        "id": row["id"],
        "payable": None if to == "company" else row["payable_id"],
        "provider": row["provider_id"],
        "provider_name": row["provider_name"],
        "company": row["company_id"],
        "month": row["month"],
        "voucher": row["voucher_id"],
        "product": row["product_id"],
        "state": row["state"],
        "reason": row["reason"],
        "answer": row["answer"],
        "correction": None if to == "company" else row["correction_id"],
        "created_at": at(row["created_at"]),
    }
