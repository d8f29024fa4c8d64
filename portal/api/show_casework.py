"""Rounds, applications, agreements and their steps as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.lifecycle.table import Role
from portal.api.show import at, day, krw, points, ppm, products

Row = Mapping[str, Any]
Shown = dict[str, Any]


def round_(row: Row) -> Shown:
    return {
        "id": row["id"],
        "programme": row["programme_id"],
        "name": row["name"],
        "state": row["state"],
        "budget_kind": row["budget_kind"],
        "budget_krw": krw(row["budget_micro"]),
        "cap_krw": krw(row["cap_micro"]),
        "opens_at": at(row["opens_at"]),
        "closes_at": at(row["closes_at"]),
        "quota": row["quota"],
        "classes": row["classes"],
        "tracks": row["tracks"],
        "criteria": [
            {"id": one["id"], "name": one["name"], "max_points": points(one["max_milli"])}
            for one in row["criteria"]
        ],
        "bonuses": [
            {"id": one["id"], "name": one["name"], "points": points(one["milli"])} for one in row["bonuses"]
        ],
        "bonus_points_max": points(row["bonus_milli_max"]),
        "evaluators_min": row["evaluators_min"],
        "mean": row["mean"],
        "pass_mark": points(row["pass_mark_milli"]),
        "ties": row["ties"],
        "beyond_budget": row["beyond_budget"],
        "result": row["result"],
    }


def application(row: Row, *, to: Role) -> Shown:
    """What decided a tie names another company's application, which is for the agency and its auditors."""
    outcome = row["outcome"]
    if outcome is not None and to not in ("operator", "auditor"):
        outcome = {name: value for name, value in outcome.items() if not name.startswith("tie")}
    return {
        "id": row["id"],
        "round": row["round_id"],
        "company": row["company_id"],
        "state": row["state"],
        "title": row["title"],
        "plan": row["plan"],
        "track": row["track"],
        "class": row["class_name"],
        "government_krw": krw(row["government_micro"]),
        "self_cash_krw": krw(row["self_cash_micro"]),
        "self_in_kind_krw": krw(row["self_in_kind_micro"]),
        "products": products(row["products"]),
        "bonuses": row["bonuses"],
        "granted_bonuses": row["granted_bonuses"],
        "submitted_at": at(row["submitted_at"]),
        "outcome": outcome,
        "award_krw": krw(row["award_micro"]),
        "voucher": row["voucher_id"],
    }


def document(row: Row) -> Shown:
    return {**row, "id": str(row["id"]), "at": at(row["at"])}


def evaluation(row: Row) -> Shown:
    return {
        "id": str(row["id"]),
        "application": row["application_id"],
        "evaluator": row["evaluator"],
        "points": {name: points(milli) for name, milli in row["milli"].items()},
        "total": points(sum(row["milli"].values())),
        "comment": row["comment"],
        "at": at(row["at"]),
    }


def terms(row: Row) -> Shown:
    return {
        "starts_on": day(row["starts_on"]),
        "ends_on": day(row["ends_on"]),
        "government_krw": krw(row["government_micro"]),
        "self_cash_krw": krw(row["self_cash_micro"]),
        "self_in_kind_krw": krw(row["self_in_kind_micro"]),
        "products": products(row["products"]),
    }


def agreement(row: Row) -> Shown:
    return {
        "id": row["id"],
        "application": row["application_id"],
        "programme": row["programme_id"],
        "company": row["company_id"],
        "state": row["state"],
        "class": row["class_name"],
        "share": ppm(row["share_ppm"]),
        "version": row["terms_version"],
        **terms(row),
        "voucher": row["voucher_id"],
        "signed_at": at(row["signed_at"]),
    }


def amendment(row: Row) -> Shown:
    changes = {
        name.replace("_micro", "_krw"): krw(value) if name.endswith("_micro") else value
        for name, value in row["changes"].items()
    }
    return {
        "id": row["id"],
        "agreement": row["agreement_id"],
        "state": row["state"],
        "changes": changes,
        "reason": row["reason"],
        "created_at": at(row["created_at"]),
    }


def step(row: Row, *, to: Role) -> Shown | None:
    """Companies see what was done and why, not which person of the agency did it, nor who evaluates."""
    is_inside = to in ("operator", "auditor")
    if not is_inside and row["action"] == "evaluate":
        return None
    return {
        "action": row["action"],
        "from": row["from_state"],
        "to": row["to_state"],
        "person": row["person"] if is_inside or row["role"] == to else None,
        "role": row["role"],
        "reason": row["reason"],
        "detail": row["detail"],
        "request_id": row["request_id"],
        "at": at(row["at"]),
    }
