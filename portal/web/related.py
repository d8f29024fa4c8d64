"""The tables under a thing: a programme's rounds and vouchers, a round's applications, a voucher's calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from portal.web import call_views, views
from portal.web.view import Scope, View
from portal.web.visit import Visit

ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class Related:
    """`path`: the whole list, where it has a page of its own."""

    view: View
    scope: Scope


def related_to(kind: str, shown: dict[str, Any], visit: Visit) -> list[Related]:
    """What this person may see of it: a company's own, everything inside the agency."""
    inside, company = visit.desk.sees_everything, visit.desk.actor.company
    mine: Scope = ("true", ()) if inside else ("company_id = %s", [company])
    this = [shown["id"]]
    if kind == "programmes":
        visible = "programme_id = %s" if inside else "programme_id = %s and state <> 'draft'"
        found = [Related(views.ROUNDS_INSIDE if inside else views.ROUNDS, (visible, this))]
        return [*found, _own(views.VOUCHERS, "programme_id", this, mine)]
    if kind == "rounds":
        return [_own(views.APPLICATIONS, "round_id", this, mine)]
    if kind == "applications":
        return [_own(views.EVALUATIONS, "application_id", this, ("true", ()))] if inside else []
    if kind == "agreements":
        return [_own(views.AMENDMENTS, "agreement_id", this, mine)]
    if kind == "companies":
        return [_own(view, "company_id", this, mine) for view in (views.KEYS_INSIDE, views.VOUCHERS)]
    if kind == "providers":
        return [_own(views.PRODUCTS, "provider_id", this, ("true", ()))]
    if kind == "vouchers":
        calls = call_views.CALLS_INSIDE if inside else call_views.CALLS_OF_COMPANY
        return [Related(_bare(calls), ("company_id = %s and voucher_id = %s", [shown["company"], *this]))]
    return []


def _own(view: View, column: str, this: list[Any], mine: Scope) -> Related:
    return Related(_bare(view), (f"{column} = %s and {mine[0]}", [*this, *mine[1]]))


def _bare(view: View) -> View:
    """Without its filters: they are on the page of the whole list."""
    return replace(view, filters=())
