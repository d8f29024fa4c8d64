"""Where a thing stands for a person: the steps its state tables have for them now, and what hinders which.

The rules are the tables' and the facts are those of the casework that takes the steps; here they are asked
before anything is entered, so that nobody is offered what would be refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.alerts import places
from billing.casework import (
    agreements,
    amendments,
    api_keys,
    applications,
    companies,
    products,
    programmes,
    providers,
    rounds,
    selection,
    vouchers,
)
from billing.casework.deeds import Deed
from billing.casework.rows import row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle import (
    agreement,
    amendment,
    api_key,
    application,
    company,
    delivery,
    product,
    programme,
    provider,
    round,
    voucher,
    webhook,
)
from billing.lifecycle.table import Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Offered:
    """A step of `thing`, and the condition that does not hold yet, if one is known."""

    thing: str
    step: Step[Any]
    hindrance: Guard[Any] | None


async def offered(conn: Connection, thing: str, thing_id: str, *, deed: Deed) -> list[Offered]:
    """Of a thing that this person may see. Raises Refused where there is none."""
    return await _STANDINGS[thing](conn, thing_id, deed)


def _steps(
    table: Table[Any],
    state: str,
    facts: Any,
    deed: Deed,
    *,
    company: str | None = None,
    provider: str | None = None,
) -> list[Offered]:
    owns = deed.actor.owns(company=company, provider=provider)
    return [
        Offered(table.thing, step, step.hindrance(facts))
        for step in table.open_to(state, deed.actor, owns=owns)
    ]


def _made(table: Table[Any], action: str, facts: Any, deed: Deed, *, company: str | None) -> list[Offered]:
    """A step that makes another thing of this one."""
    step = table.step(action)
    if not step.allows(deed.actor, owns=deed.actor.owns(company=company)):
        return []
    return [Offered(table.thing, step, step.hindrance(facts))]


async def _programme(conn: Connection, programme_id: str, deed: Deed) -> list[Offered]:
    life = await programmes.life_of(conn, programme_id)
    facts = await programmes.facts_of(conn, programme_id)
    found = _steps(programme.TABLE, life["state"], facts, deed)
    if life["state"] == "closed" or not round.TABLE.step("make").allows(deed.actor, owns=False):
        return found
    return [*found, Offered("round", round.TABLE.step("make"), None)]


async def _round(conn: Connection, round_id: str, deed: Deed) -> list[Offered]:
    row = await rounds.find(conn, round_id)
    count = await selection.counts(conn, round_id)
    found = _steps(round.TABLE, row["state"], rounds.facts_of(row, deed, undecided=count.undecided), deed)
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
    return [*found, *_made(application.TABLE, "make", facts, deed, company=company)]


async def _application(conn: Connection, application_id: str, deed: Deed) -> list[Offered]:
    row = await applications.find(conn, application_id)
    around = await applications.around(conn, row)
    company = row["company_id"]
    facts = applications.facts_of(row, deed, **around)
    found = _steps(application.TABLE, row["state"], facts, deed, company=company)
    if row["state"] != "selected":
        return found
    period = await row_of(
        conn, "select starts_on, ends_on from programme where id = %s", [row["programme_id"]]
    )
    terms = agreement.Facts(
        today=deed.today,
        starts_on=period["starts_on"],
        ends_on=period["ends_on"],
        programme_starts_on=period["starts_on"],
        programme_ends_on=period["ends_on"],
        application_state=row["state"],
        has_agreement=around["has_agreement"],
    )
    return [*found, *_made(agreement.TABLE, "make", terms, deed, company=company)]


async def _agreement(conn: Connection, agreement_id: str, deed: Deed) -> list[Offered]:
    row = await agreements.find(conn, agreement_id)
    company = row["company_id"]
    found = _steps(agreement.TABLE, row["state"], agreements.facts_of(row, deed), deed, company=company)
    if row["state"] != "signed":
        return found
    if row["voucher_id"] is None:
        issuing = voucher.Facts(agreement_state=row["state"], today=deed.today, ends_on=row["ends_on"])
        found += _made(voucher.TABLE, "issue", issuing, deed, company=company)
    asking = amendments.facts_of(row, {}, deed)
    return found + _made(amendment.TABLE, "make", asking, deed, company=company)


async def _amendment(conn: Connection, amendment_id: str, deed: Deed) -> list[Offered]:
    asked = await amendments.find(conn, amendment_id)
    row = await agreements.find(conn, asked["agreement_id"])
    facts = amendments.facts_of(row, amendments.terms_in(asked["changes"]), deed)
    return _steps(amendment.TABLE, asked["state"], facts, deed, company=row["company_id"])


async def _voucher(conn: Connection, voucher_id: str, deed: Deed) -> list[Offered]:
    row = await vouchers.find(conn, voucher_id)
    state = vouchers.state_of(row, instant_ms(deed.now))
    return _steps(voucher.TABLE, state, vouchers.facts_of(row), deed, company=row["company_id"])


async def _company(conn: Connection, company_id: str, deed: Deed) -> list[Offered]:
    row = await companies.find(conn, company_id)
    return _steps(company.TABLE, row["state"], company.Facts(), deed, company=company_id)


async def _api_key(conn: Connection, key_id: str, deed: Deed) -> list[Offered]:
    row = await api_keys.find(conn, key_id)
    state = api_keys.state_of(row, deed.now)
    return _steps(api_key.TABLE, state, api_key.Facts(), deed, company=row["company_id"])


async def _provider(conn: Connection, provider_id: str, deed: Deed) -> list[Offered]:
    row = await providers.find(conn, provider_id)
    facts = provider.Facts(row["brn"])
    return _steps(provider.TABLE, row["state"], facts, deed, provider=provider_id)


async def _product(conn: Connection, product_id: str, deed: Deed) -> list[Offered]:
    """Whether its vendor's address is a safe one is asked by whoever submits or approves it."""
    row = await products.find(conn, product_id)
    facts = products.facts_of(row, allow_private=True, is_agency=deed.actor.role == "operator")
    return _steps(product.TABLE, row["state"], facts, deed, provider=row["provider_id"])


async def _webhook(conn: Connection, webhook_id: str, deed: Deed) -> list[Offered]:
    row = await places.find_hook(conn, webhook_id)
    whose = {"company": row["company_id"], "provider": row["provider_id"]}
    return _steps(webhook.TABLE, row["state"], places.hook_facts(row, deed), deed, **whose)


async def _delivery(conn: Connection, delivery_id: str, deed: Deed) -> list[Offered]:
    row = await places.find_delivery(conn, delivery_id)
    facts = await places.delivery_facts(conn, delivery_id)
    whose = {"company": row["company_id"], "provider": row["provider_id"]}
    return _steps(delivery.TABLE, row["state"], facts, deed, **whose)


_STANDINGS: Final[Mapping[str, Callable[[Connection, str, Deed], Awaitable[list[Offered]]]]] = {
    "programme": _programme,
    "round": _round,
    "application": _application,
    "agreement": _agreement,
    "amendment": _amendment,
    "voucher": _voucher,
    "company": _company,
    "api_key": _api_key,
    "provider": _provider,
    "product": _product,
    "webhook": _webhook,
    "delivery": _delivery,
}
