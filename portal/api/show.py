"""Rows of the books as the API shows them: the contract's names, won as decimal strings, UTC. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from billing.casework.api_keys import state_of as key_state_of
from billing.casework.vouchers import state_of
from billing.lifecycle.ranking import points_text
from metering.money import format_krw

Row = Mapping[str, Any]
Shown = dict[str, Any]


def krw(micro: int | None) -> str | None:
    return None if micro is None else format_krw(micro)


def ppm(share_ppm: int) -> str:
    """A share as the file writes it: 750000 -> "0.75"."""
    whole, rest = divmod(share_ppm, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def points(milli: int | None) -> str | None:
    return None if milli is None else points_text(Fraction(milli))


def at(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day(one: date | None) -> str | None:
    return None if one is None else one.isoformat()


def products(named: Sequence[str] | None) -> list[str]:
    return ["*"] if named is None else list(named)


def programme(row: Row) -> Shown:
    return {
        "id": row["id"],
        "name": row["name"],
        "state": row["state"],
        "legal_basis": row["legal_basis"],
        "budget_krw": krw(row["budget_micro"]),
        "max_voucher_krw": krw(row["max_voucher_micro"]),
        "company_year_cap_krw": krw(row["company_year_cap_micro"]),
        "deposit_rule": row["deposit_rule"],
        "starts_on": day(row["starts_on"]),
        "ends_on": day(row["ends_on"]),
        "shares": {name: ppm(share) for name, share in sorted(row["shares"].items())},
        "share_changes": [
            {"class": one["class_name"], "from": one["from_day"], "share": ppm(one["share_ppm"])}
            for one in row["share_changes"]
        ],
    }


def company(row: Row) -> Shown:
    return {
        "id": row["id"],
        "name": row["name"],
        "brn": row["brn"],
        "class": row["class_name"],
        "data_locations": row["data_locations"],
        "active": row["active"],
        "state": row["state"],
    }


def voucher(row: Row, now_ms: int) -> Shown:
    return {
        "id": row["id"],
        "company": row["company_id"],
        "programme": row["programme_id"],
        "agreement": row["agreement_id"],
        "state": state_of(row, now_ms),
        "class": row["class_name"],
        "share": ppm(row["share_ppm"]),
        "government_krw": krw(row["government_micro"]),
        "self_deposit_krw": krw(row["self_micro"]),
        "spent_krw": krw(row["spent_micro"]),
        "returned_government_krw": krw(row["returned_government_micro"]),
        "returned_self_krw": krw(row["returned_self_micro"]),
        "claimed_krw": krw(row["claimed_micro"]),
        "starts_on": day(row["starts_on"] or row["programme_starts_on"]),
        "ends_on": day(row["ends_on"] or row["programme_ends_on"]),
        "products": products(row["products"]),
    }


def api_key(row: Row, now: datetime) -> Shown:
    limits = dict(row["limits"])
    per_day = limits.pop("krw_per_day_micro", None)
    return {
        "id": f"{row['company_id']}/{row['name']}",
        "company": row["company_id"],
        "name": row["name"],
        "last_characters": row["last_characters"],
        "products": products(row["products"]),
        "expires_at": at(row["expires_at"]),
        "allowed_ips": row["allowed_ips"],
        "limits": limits | ({} if per_day is None else {"krw_per_day": krw(per_day)}),
        "revoked": row["revoked"],
        "state": key_state_of(row, now),
        "created_at": at(row["created_at"]),
    }


def user(row: Row) -> Shown:
    return {
        "id": row["email"],
        "email": row["email"],
        "role": row["role"],
        "company": row["company"],
        "provider": row["provider"],
        "has_password": row["has_password"],
        "disabled": row["disabled_at"] is not None,
    }
