"""Corrections and reconciliations as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billing.lifecycle.table import Role
from metering.money import format_krw
from portal.api.show import at

_AGENCY: Final[tuple[Role, ...]] = ("operator", "auditor")

Row = Mapping[str, Any]
Shown = dict[str, Any]


def correction(row: Row, *, to: Role) -> Shown:
    """Others hear what was done and why, not which person of the agency did it."""
    return {
        "id": row["id"],
        "state": row["state"],
        "provider": row["provider_id"],
        "cause": row["cause"],
        "product": row["product_id"],
        "reconciliation": row["run_id"],
        "reason": row["reason"],
        "proposer": row["proposer"] if to in _AGENCY else None,
        "calls": row["calls"],
        "before_krw": format_krw(row["before_micro"]),
        "after_krw": format_krw(row["after_micro"]),
        "created_at": at(row["created_at"]),
    }


def call(row: Row) -> Shown:
    return {
        "id": row["op"],
        "kind": row["kind"],
        "before_krw": format_krw(row["before_micro"]),
        "after_krw": format_krw(row["after_micro"]),
        "price_from": row["price_from"],
        "tokens": row["tokens"],
    }


def reconciliation(row: Row, *, to: Role) -> Shown:
    result = {
        match: {
            "count": of["count"],
            "theirs_krw": format_krw(of["theirs_micro"]),
            "ours_krw": format_krw(of["ours_micro"]),
        }
        for match, of in row["result"].items()
    }
    return {
        "id": row["id"],
        "provider": row["provider_id"],
        "month": row["month"],
        "file_name": row["file_name"],
        "file_sha256": row["file_sha256"],
        "rows": row["rows"],
        "result": result,
        "person": row["person"] if to in _AGENCY else None,
        "at": at(row["at"]),
    }


def line(row: Row) -> Shown:
    theirs, ours = row["theirs"], row["ours"]
    return {
        "id": row["id"],
        "match": row["class"],
        "upstream_request_id": row["upstream_request_id"],
        "call": row["op"],
        "theirs": None if theirs is None else _side(theirs, ("line",), theirs["amount_micro"]),
        "ours": None if ours is None else _side(ours, ("estimated",), ours["charge_micro"]),
        "reasons": row["reasons"],
    }


def _side(side: Row, more: tuple[str, ...], micro: int | None) -> Shown:
    names = (*more, "input_tokens", "cached_input_tokens", "output_tokens")
    return {name: side[name] for name in names} | {"amount_krw": None if micro is None else format_krw(micro)}
