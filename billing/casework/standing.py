"""Where a thing stands for a person: the steps its state tables have for them now, and what hinders which.

The rules are the tables' and the facts are those of the casework that takes the steps; here they are asked
before anything is entered, so that nobody is offered what would be refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from billing.casework import (
    agreements,
    amendments,
    applications,
    programmes,
    rounds,
    selection,
    standing_alerts,
    standing_ending,
    standing_jobs,
    standing_market,
    standing_money,
    standing_payables,
    standing_reports,
    vouchers,
)
from billing.casework.deeds import Deed
from billing.casework.offers import NO_HOUSE, House, Offered, made_of_it, open_steps
from billing.casework.rows import rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle import agreement, amendment, application, own_fund, programme, round, voucher


async def offered(
    conn: Connection, thing: str, thing_id: str, *, deed: Deed, house: House = NO_HOUSE
) -> list[Offered]:
    """Of a thing that this person may see. Raises Refused where there is none."""
    return await _STANDINGS[thing](conn, thing_id, deed, house)


async def _programme(conn: Connection, programme_id: str, deed: Deed, _: House) -> list[Offered]:
    if programme_id == own_fund.PROGRAMME:  # nobody's to change
        return []
    life = await programmes.life_of(conn, programme_id)
    facts = await programmes.facts_of(conn, programme_id, deed.now)
    found = open_steps(programme.TABLE, life["state"], facts, deed)
    if life["state"] == "closed" or not round.TABLE.step("make").allows(deed.actor, owns=False):
        return found
    return [*found, Offered("round", round.TABLE.step("make"), None)]


async def _round(conn: Connection, round_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await rounds.find(conn, round_id)
    count = await selection.counts(conn, round_id)
    found = open_steps(round.TABLE, row["state"], rounds.facts_of(row, deed, undecided=count.undecided), deed)
    company = deed.actor.company
    if company is None or row["state"] == "draft":
        return found
    has_one = await rows_of(
        conn, "select 1 from application where round_id = %s and company_id = %s", [round_id, company]
    )
    if has_one:
        return found
    around = await applications.round_and_company(conn, round_id, company)
    entered: Mapping[str, Any] = {
        "track": None,
        "bonuses": [],
        "government_micro": 0,
        "title": "",
        "plan": "",
    }
    facts = applications.facts_of({**around, **entered}, deed)
    return [*found, *made_of_it(application.TABLE, "make", facts, deed, company=company)]


async def _application(conn: Connection, application_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await applications.find(conn, application_id)
    around = await applications.around(conn, row)
    company = row["company_id"]
    facts = applications.facts_of(row, deed, **around)
    found = open_steps(application.TABLE, row["state"], facts, deed, company=company)
    if row["state"] != "selected":
        return found
    period = await agreements.programme_of(conn, row["programme_id"])
    terms = agreement.Facts(
        today=deed.today,
        starts_on=period["starts_on"],
        ends_on=period["ends_on"],
        programme_starts_on=period["starts_on"],
        programme_ends_on=period["ends_on"],
        application_state=row["state"],
        has_agreement=around["has_agreement"],
        programme_state=period["state"],
    )
    return [*found, *made_of_it(agreement.TABLE, "make", terms, deed, company=company)]


async def _agreement(conn: Connection, agreement_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await agreements.find(conn, agreement_id)
    company = row["company_id"]
    facts = agreements.facts_of(row, deed, others_of_brn=await agreements.others_of_brn(conn, row))
    found = open_steps(agreement.TABLE, row["state"], facts, deed, company=company)
    if row["voucher_id"] is not None:
        found += await standing_ending.of_agreement(conn, row, deed)
    if row["state"] != "signed":
        return found
    if row["voucher_id"] is None:
        issuing = voucher.Facts(agreement_state=row["state"], today=deed.today, ends_on=row["ends_on"])
        found += made_of_it(voucher.TABLE, "issue", issuing, deed, company=company)
    asking = amendments.facts_of(row, {}, deed)
    return found + made_of_it(amendment.TABLE, "make", asking, deed, company=company)


async def _amendment(conn: Connection, amendment_id: str, deed: Deed, _: House) -> list[Offered]:
    asked = await amendments.find(conn, amendment_id)
    row = await agreements.find(conn, asked["agreement_id"])
    facts = amendments.facts_of(row, amendments.terms_in(asked["changes"]), deed)
    return open_steps(amendment.TABLE, asked["state"], facts, deed, company=row["company_id"])


async def _voucher(conn: Connection, voucher_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await vouchers.find(conn, voucher_id)
    state = vouchers.state_of(row, instant_ms(deed.now))
    found = open_steps(voucher.TABLE, state, vouchers.facts_of(row), deed, company=row["company_id"])
    return found + await standing_ending.of_voucher(conn, row, deed)


_STANDINGS: Final[Mapping[str, Callable[[Connection, str, Deed, House], Awaitable[list[Offered]]]]] = {
    "programme": _programme,
    "round": _round,
    "application": _application,
    "agreement": _agreement,
    "amendment": _amendment,
    "voucher": _voucher,
    "provider": standing_market.of_provider,
    "product": standing_market.of_product,
    "price": standing_market.of_price,
    "credential": standing_market.of_credential,
    "payment": standing_money.of_payment,
    "own_fund": standing_money.of_own_fund,
    "correction": standing_money.of_correction,
    "reconciliation": standing_money.of_reconciliation,
    "month": standing_money.of_month,
    "settlement": standing_ending.of_settlement,
    "finding": standing_ending.of_finding,
    "job": standing_jobs.of_job,
    "report_line": standing_reports.of_report_line,
    "reported_product": standing_reports.of_reported_product,
    "report_key": standing_reports.of_report_key,
    "payable": standing_payables.of_payable,
    "objection": standing_payables.of_objection,
    "payout_account": standing_payables.of_payout_account,
    "company": standing_alerts.of_company,
    "api_key": standing_alerts.of_api_key,
    "webhook": standing_alerts.of_webhook,
    "delivery": standing_alerts.of_delivery,
}
