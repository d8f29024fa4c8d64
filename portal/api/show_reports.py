"""Reported products, keys, reports and lines as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.reports.units import quantity_text
from portal.api.show import at, day, krw

Row = Mapping[str, Any]
Shown = dict[str, Any]


def product(row: Row) -> Shown:
    return {
        "id": row["id"],
        "provider": row["provider_id"],
        "name": row["name"],
        "unit": row["unit"],
        "state": row["state"],
        "report_days": row["report_days"],
        "objection_days": row["objection_days"],
        "accept_from_krw": krw(row["accept_from_micro"]),
        "prices": [
            {
                "tier": one["tier"] or None,
                "from": one["valid_from_text"],
                "price_krw": krw(one["price_micro"]),
            }
            for one in row["prices"]
        ],
    }


def milestone(row: Row) -> Shown:
    return {
        "id": row["id"],
        "agreement": row["agreement_id"],
        "company": row["company_id"],
        "provider": row["provider_id"],
        "number": row["number"],
        "product": row["product_id"],
        "name": row["name"],
        "due_on": day(row["due_on"]),
        "amount_krw": krw(row["amount_micro"]),
        "state": row["state"],
    }


def key(row: Row) -> Shown:
    return {
        "id": row["id"],
        "provider": row["provider_id"],
        "public_key": row["public_key"],
        "state": row["state"],
        "from_at": at(row["from_at"]),
        "until_at": at(row["until_at"]),
    }


def report(row: Row) -> Shown:
    return {
        "id": row["id"],
        "provider": row["provider_id"],
        "report": row["report_id"],
        "key": row["key_id"],
        "issued_at": at(row["issued_at"]),
        "received_at": at(row["received_at"]),
        "outcome": row["outcome"],
        "content_sha256": row["content_sha256"],
        "lines": row["result"],
    }


def line(row: Row) -> Shown:
    return {
        "id": row["id"],
        "provider": row["provider_id"],
        "line": row["line_id"],
        "report": row["report_id"],
        "company": row["company_id"],
        "agreement": row["agreement_id"],
        "product": row["product_id"],
        "tier": row["tier"] or None,
        "unit": row["unit"],
        "quantity": quantity_text(row["unit"], row["units"], row["per"]),
        "units": row["units"],
        "per": row["per"],
        "from_on": day(row["from_on"]),
        "to_on": day(row["to_on"]),
        "evidence": row["evidence"],
        "corrects": row["corrects"],
        "needs_acceptance": row["needs_acceptance"],
        "due_at": at(row["due_at"]),
        "reported_at": at(row["reported_at"]),
        "price": row["price_entry"],
        "amount_krw": krw(row["amount_micro"]),
        "state": row["state"],
        "waits_for": row["waits_for"],
        "voucher": row["voucher_id"],
    }
