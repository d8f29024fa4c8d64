"""What a reported line is: priced, with the facts by which it is taken or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from billing.casework.deeds import Deed
from billing.casework.rows import Row, rows_of
from billing.database import Connection
from billing.directory_time import after_ms, first_ms
from billing.lifecycle.report_line import Facts
from billing.reports.finding import price_entry, price_for, vouchers_for
from billing.reports.products import milestone_tier
from billing.reports.reading import ReportedLine
from billing.reports.units import KINDS, Counted, NotCountable, Unit, count, price_counted

_NOTHING = Counted(0, 1)


@dataclass(frozen=True, slots=True)
class Judged:
    """`columns` of its row are whole where every fact holds."""

    facts: Facts
    columns: dict[str, Any]


async def judge(conn: Connection, provider: str, line: ReportedLine, deed: Deed) -> Judged:
    facts = Facts()
    # What was charged is put right also when the product is no longer sold.
    states = ["on_sale"] if line.corrects is None else ["on_sale", "suspended", "withdrawn"]
    products = await rows_of(
        conn,
        "select p.* from reported_product p join provider_life v on v.provider_id = p.provider_id"
        " where p.id = %s and p.provider_id = %s and p.state = any(%s) and v.state = 'approved'",
        [line.product, provider, states],
    )
    companies = await rows_of(conn, "select 1 from company where id = %s and active", [line.company])
    if not products or not companies or not _is_one_month(line.from_on, line.to_on):
        return Judged(
            replace(
                facts,
                product_there=bool(products),
                company_there=bool(companies),
                in_one_month=_is_one_month(line.from_on, line.to_on),
            ),
            {},
        )
    return await _priced(conn, products[0], line, deed)


def _is_one_month(from_on: date, to_on: date) -> bool:
    return from_on <= to_on and (from_on.year, from_on.month) == (to_on.year, to_on.month)


async def _priced(conn: Connection, product: Row, line: ReportedLine, deed: Deed) -> Judged:
    unit: Unit = product["unit"]
    tier = tier_of(unit, line)
    served_ms = first_ms(line.to_on)
    price = None if tier is None else await price_for(conn, product["id"], tier, served_ms)
    counted, amount_micro = _counted(unit, line, tier, price)
    columns = {
        "company_id": line.company,
        "agreement_id": line.agreement,
        "product_id": product["id"],
        "tier": tier or "",
        "unit": unit,
        "units": counted.units,
        "per": counted.per,
        "from_on": line.from_on,
        "to_on": line.to_on,
        "served_ms": served_ms,
        "price_entry": ""
        if price is None
        else price_entry(product["id"], price["valid_from_text"], tier or ""),
        "price_from": "" if price is None else price["valid_from_text"],
        "amount_micro": amount_micro,
        "evidence": line.evidence,
        "due_at": _due_at(product, line, deed),
        "needs_acceptance": needs_acceptance(product, line, amount_micro or 0),
    }
    corrected = await _corrected(conn, product, line, columns)
    columns["corrects"] = corrected
    begins = line.from_on if KINDS[unit].by_month else line.to_on
    facts = Facts(
        unit_right=amount_micro is not None and tier is not None,
        served=begins <= deed.today,
        in_time=deed.today <= line.to_on + timedelta(days=product["report_days"]) or corrected is not None,
        # A correction stays on the voucher that paid, whatever that one allows by now, and ended or not.
        in_an_agreement=corrected is not None or bool(await vouchers_for(conn, columns)),
        has_price=price is not None,
        first_of_its_period=await _is_first(conn, columns),
        correctable=line.corrects is None or corrected is not None,
    )
    return Judged(facts, columns)


def _counted(
    unit: Unit, line: ReportedLine, tier: str | None, price: Row | None
) -> tuple[Counted, int | None]:
    """What it counts and costs; None where it is no quantity of the unit."""
    corrects = line.corrects is not None
    try:
        counted = count(
            unit, line.quantity, from_on=line.from_on, to_on=line.to_on, tier=tier or "", corrects=corrects
        )
        return counted, 0 if price is None else price_counted(price["price_micro"], counted)
    except NotCountable:
        return _NOTHING, None


def tier_of(unit: Unit, line: ReportedLine) -> str | None:
    """Which of its prices it is charged by; None where the line does not say what its unit needs."""
    if unit == "milestone":
        if line.milestone is None or line.agreement is None or line.tier is not None:
            return None
        return milestone_tier(line.agreement, line.milestone)
    if line.milestone is not None or (line.tier is None) == KINDS[unit].has_tiers:
        return None
    return line.tier or ""


def needs_acceptance(product: Mapping[str, Any], line: ReportedLine, amount_micro: int) -> bool:
    least = product["accept_from_micro"]
    if line.corrects is not None:
        return True
    return KINDS[product["unit"]].asks_company or (least is not None and amount_micro >= least)


def _due_at(product: Mapping[str, Any], line: ReportedLine, deed: Deed) -> datetime:
    """From when on it may be charged, where nobody has to accept it: a fee after its time to object."""
    if not KINDS[product["unit"]].by_month:
        return deed.now
    ended_at = datetime.fromtimestamp(after_ms(line.to_on) / 1000, UTC)
    return max(deed.now, ended_at) + timedelta(days=product["objection_days"])


async def _is_first(conn: Connection, columns: Mapping[str, Any]) -> bool:
    """No other line has the same milestone, or a fee of the same tier for one of its days."""
    if columns["corrects"] is not None or columns["unit"] not in ("milestone", "month", "tflops_month"):
        return True
    found = await rows_of(
        conn,
        "select 1 from report_line where company_id = %s and product_id = %s and tier = %s"
        " and corrects is null and state not in ('rejected', 'withdrawn')"
        " and (unit = 'milestone' or (from_on <= %s and to_on >= %s)) limit 1",
        [
            *(columns["company_id"], columns["product_id"], columns["tier"]),
            *(columns["to_on"], columns["from_on"]),
        ],
    )
    return not found


async def _corrected(
    conn: Connection, product: Row, line: ReportedLine, columns: Mapping[str, Any]
) -> str | None:
    """The charged line that it corrects, where it may."""
    if line.corrects is None:
        return None
    found = await rows_of(
        conn,
        "select l.id from report_line l where l.provider_id = %s and l.line_id = %s and l.state = 'charged'"
        " and l.corrects is null and (l.company_id, l.product_id, l.tier, l.from_on, l.to_on) ="
        " (%s, %s, %s, %s, %s) and not exists (select from report_line c where c.corrects = l.id"
        " and c.state in ('reported', 'accepted', 'objected'))",
        [
            *(product["provider_id"], line.corrects, columns["company_id"], columns["product_id"]),
            *(columns["tier"], columns["from_on"], columns["to_on"]),
        ],
    )
    return found[0]["id"] if found else None
