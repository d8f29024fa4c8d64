"""The company's own money as the API shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.api.show import at, day, krw

Row = Mapping[str, Any]
Shown = dict[str, Any]


def payment(row: Row) -> Shown:
    return {
        "id": row["id"],
        "company": row["company_id"],
        "voucher": row["voucher_id"],
        "rail": row["rail"],
        "method": row["method"],
        "state": row["state"],
        "amount_krw": krw(row["amount_micro"]),
        "paid_krw": krw(row["paid_micro"]),
        "refunded_krw": krw(row["refunded_micro"]),
        "lost_krw": krw(row["lost_micro"]),
        "created_at": at(row["created_at"]),
    }


def own(row: Row) -> Shown:
    return {
        "id": row["id"],
        "company": row["company_id"],
        "own_krw": krw(row["own_micro"]),
        "owed_krw": krw(row["owed_micro"]),
    }


def own_fund(row: Row) -> Shown:
    return {
        "id": row["id"],
        "company": row["company_id"],
        "voucher": row["voucher_id"],
        "state": row["state"],
        "limit_krw": krw(row["limit_micro"]),
        "filled_krw": krw(row["filled_micro"]),
        "spent_krw": krw(row["spent_micro"]),
    }


def card(row: Row) -> Shown:
    return {
        "id": row["id"],
        "company": row["company_id"],
        "label": row["label"],
        "automatic": row["automatic"],
        "voucher": row["voucher_id"],
        "threshold_krw": krw(row["threshold_micro"]),
        "amount_krw": krw(row["amount_micro"]),
        "paused": row["paused"],
        "saved_at": at(row["saved_at"]),
    }


def bank_line(row: Row) -> Shown:
    return {
        "id": row["id"],
        "amount_krw": krw(row["amount_micro"]),
        "paid_on": day(row["paid_on"]),
        "sender": row["sender"],
        "memo": row["memo"],
        "company": row["company_id"],
        "payment": row["payment_id"],
        "entered_at": at(row["at"]),
    }
