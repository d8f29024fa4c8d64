"""The tables under a thing: a programme's rounds and vouchers, a round's applications, a voucher's calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from billing.lifecycle.own_fund import PROGRAMME
from portal.web import (
    alert_views,
    call_views,
    ending_views,
    market_views,
    money_views,
    payable_views,
    report_views,
    views,
)
from portal.web.view import Scope, View
from portal.web.visit import Visit

ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class Related:
    """`path`: the whole list, where it has a page of its own."""

    view: View
    scope: Scope


def related_to(kind: str, shown: dict[str, Any], visit: Visit) -> list[Related]:
    """What this person may see of it: one's own, everything inside the agency."""
    if kind in _OF_THE_MARKET:
        return _of_the_market(kind, shown, visit)
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
        of_it = (views.AMENDMENTS, ending_views.SETTLEMENTS, ending_views.FINDINGS)
        reported = Related(_bare(report_views.REPORT_LINES), ("company_id = %s", [shown["company"]]))
        return [*(_own(one, "agreement_id", this, mine) for one in of_it), reported]
    if kind == "settlements":
        found = [_own(ending_views.RETURNS, "settlement_id", this, mine)]
        return [*found, _own(ending_views.FINDINGS, "voucher_id", [shown["voucher"]], mine)]
    if kind == "findings":
        return [_own(ending_views.FINDING_LINES, "finding_id", this, mine)]
    if kind == "payables":
        return _of_payable(shown, visit)
    if kind == "companies":
        return [_own(view, "company_id", this, mine) for view in (alert_views.KEYS_INSIDE, views.VOUCHERS)]
    if kind == "vouchers":
        calls = call_views.CALLS_INSIDE if inside else call_views.CALLS_OF_COMPANY
        made = Related(_bare(calls), ("company_id = %s and voucher_id = %s", [shown["company"], *this]))
        return [*_end_of_declared(shown, mine), made]
    return []


def _end_of_declared(shown: dict[str, Any], mine: Scope) -> list[Related]:
    """The end of any other voucher stands on its agreement's page; own money has none."""
    if shown["agreement"] is not None or shown["programme"] == PROGRAMME:
        return []
    of_it = (ending_views.SETTLEMENTS, ending_views.FINDINGS)
    return [_own(one, "voucher_id", [shown["id"]], mine) for one in of_it]


_OF_THE_MARKET: Final = ("providers", "products", "reconciliations", "corrections")


def _of_the_market(kind: str, shown: dict[str, Any], visit: Visit) -> list[Related]:
    this = [shown["id"]]
    call_link = "/calls/{op}" if visit.desk.sees_everything else None
    if kind == "providers":
        inside = visit.desk.sees_everything
        products = market_views.PRODUCTS_INSIDE if inside else market_views.PRODUCTS_OF_PROVIDER
        return [Related(_bare(products), ("provider_id = %s", this))]
    if kind == "products":
        runs_it = visit.role != "company"
        return [Related(market_views.CREDENTIALS, ("product_id = %s", this))] if runs_it else []
    if kind == "reconciliations":
        lines = money_views.reconciliation_lines(call_link)
        return [
            Related(lines, ("reconciliation_id = %s", this)),
            Related(_bare(money_views.CORRECTIONS), ("run_id = %s", this)),
        ]
    calls = money_views.corrected_calls("/calls/{id}" if visit.desk.sees_everything else None)
    return [Related(calls, ("correction_id = %s", this))]


def _of_payable(shown: dict[str, Any], visit: Visit) -> list[Related]:
    """Its lines, what was paid on it, and what is objected: by companies, for the agency alone."""
    lines: Scope = ("provider_id = %s and month = %s", [shown["provider"], shown["month"]])
    found = [Related(payable_views.PAYABLE_LINES, lines)] if shown["kind"] == "month" else []
    of_it = "payable_id = %s" if visit.desk.sees_everything else "payable_id = %s and company_id is null"
    return [
        *found,
        Related(payable_views.PAYOUTS, ("payable_id = %s", [shown["id"]])),
        Related(_bare(payable_views.OBJECTIONS), (of_it, [shown["id"]])),
    ]


def _own(view: View, column: str, this: list[Any], mine: Scope) -> Related:
    return Related(_bare(view), (f"{column} = %s and {mine[0]}", [*this, *mine[1]]))


def _bare(view: View) -> View:
    """Without its filters: they are on the page of the whole list."""
    return replace(view, filters=())
