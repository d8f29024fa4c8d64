"""What is offered when and to whom: the state tables asked before anything is entered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final

import pytest

from billing.casework import standing
from billing.casework.deeds import Deed
from billing.casework.offers import House
from billing.corrections.store import propose
from billing.lifecycle.table import Actor
from billing.lifecycle.tables import TABLES
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import AFTER_CLOSING, OfficeWorld, opened
from tests.portal.api.a_product import PRODUCT
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.api.route_table import BODIES
from tests.portal.api.test_role_matrix import CORRECTED, DEED


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def offers(world: OfficeWorld, who: str, thing: str, thing_id: str) -> dict[str, str | None]:
    """Each step that is offered, with the code of what hinders it."""
    person = PEOPLE[who]
    actor = Actor(person.email, person.role, person.company, person.provider)
    async with world.pool.connection() as conn:
        deed = Deed(actor, world.now, "t")
        house = House(secrets=world.secrets, unbooked=world.unbooked)
        found = await standing.offered(conn, thing, thing_id, deed=deed, house=house)
    return {
        f"{one.thing}.{one.step.action}": None if one.hindrance is None else one.hindrance.name
        for one in found
    }


BEFORE_CLOSING: Final[Mapping[tuple[str, str, str], dict[str, str | None]]] = {
    ("operator", "programme", "ai-2026"): {
        "programme.change": None,
        "programme.change_share": None,
        "programme.change_holdback": None,
        "programme.close": "round_running",
        "round.make": None,
    },
    ("auditor", "programme", "ai-2026"): {},
    ("operator", "round", "ai-2026-1"): {
        "round.extend": None,
        "round.select": "period_open",
        "round.cancel": None,
    },
    ("gaonde", "round", "ai-2026-1"): {},  # it has applied
    ("dasom", "round", "ai-2026-1"): {"application.make": None},
    ("operator", "application", "ap-000001"): {
        "application.screen": "period_open",
        "application.reject": "period_open",
    },
    ("gaonde", "application", "ap-000001"): {"application.change": None, "application.withdraw": None},
    ("hanbit", "application", "ap-000001"): {},
}
AFTER_IT: Final[Mapping[tuple[str, str, str], dict[str, str | None]]] = {
    ("operator", "round", "ai-2026-1"): {
        "round.extend": "closing_passed",
        "round.select": "applications_undecided",
        "round.cancel": None,
    },
    ("dasom", "round", "ai-2026-1"): {"application.make": "period_closed"},
    ("operator", "application", "ap-000001"): {
        "application.screen": None,
        "application.reject": None,
    },
    ("gaonde", "application", "ap-000001"): {
        "application.change": "period_closed",
        "application.withdraw": None,
    },
}
WITH_A_VOUCHER: Final[Mapping[tuple[str, str, str], dict[str, str | None]]] = {
    ("operator", "agreement", "ag-000001"): {
        "agreement.terminate": None,
        "agreement.complete": "period_open",
        "amendment.make": None,
    },
    ("gaonde", "agreement", "ag-000001"): {"amendment.make": None},
    ("operator", "amendment", "am-000001"): {"amendment.approve": None, "amendment.refuse": None},
    ("gaonde", "amendment", "am-000001"): {"amendment.withdraw": None},
    ("operator", "voucher", "gaonde-2026"): {
        "voucher.deposit": None,
        "voucher.pay_in": None,
        "voucher.suspend": None,
        "voucher.extend": "agreement_rules",
        "voucher.end": None,
        "voucher.claw_back": None,
    },
    ("gaonde", "voucher", "gaonde-2026"): {"voucher.pay_in": None},
    ("auditor", "voucher", "gaonde-2026"): {},
    ("auditor", "agreement", "ag-000001"): {"finding.find": None},
    ("operator", "programme", "ai-2026"): {
        "programme.change": None,
        "programme.change_share": None,
        "programme.change_holdback": None,
        "programme.close": "agreements_unsettled",
        "round.make": None,
    },
}


async def test_what_is_offered_when_and_to_whom(world: OfficeWorld) -> None:
    async def as_said(table: Mapping[tuple[str, str, str], dict[str, str | None]]) -> None:
        found = {key: await offers(world, *key) for key in table}
        assert found == dict(table)

    await world.opened_round(PROGRAMME, ROUND)
    application = await world.applied("gaonde", APPLICATION)
    await as_said(BEFORE_CLOSING)
    world.now = AFTER_CLOSING
    await as_said(AFTER_IT)
    await world.selected(application, ROUND["id"])
    assert await offers(world, "operator", "application", application) == {"agreement.make": None}
    terms = {"application": application, "starts_on": "2026-03-01", "ends_on": "2026-10-31"}
    await world.post("operator", "agreements", terms)
    assert await offers(world, "operator", "application", application) == {
        "agreement.make": "agreement_exists"
    }
    await world.post("gaonde", "agreements/ag-000001/sign")
    assert (await offers(world, "operator", "agreement", "ag-000001"))["voucher.issue"] is None
    issued = {"id": "gaonde-2026", "self_deposit_krw": 1_000_000}
    await world.post("operator", "agreements/ag-000001/issue", issued)
    await world.post("gaonde", "agreements/ag-000001/amendments", {"reason": "연장", "ends_on": "2026-11-30"})
    await as_said(WITH_A_VOUCHER)


OF_THE_MARKET: Final[Mapping[tuple[str, str, str], dict[str, str | None]]] = {
    ("nuri", "product", "nuri-draft"): {
        "product.change": None,
        "product.submit": None,
        "product.withdraw": None,
        "credential.add": None,
    },
    ("other", "product", "nuri-draft"): {},
    ("operator", "product", "nuri-draft"): {"product.withdraw": None, "credential.add": None},
    ("nuri", "product", "nuri-x1"): {
        "product.suspend": None,
        "product.withdraw": None,
        "price.add": None,
        "credential.add": None,
    },
    ("gaonde", "product", "nuri-x1"): {},
    ("nuri", "price", "nuri-x1@2099-01-01T00:00:00+09:00"): {"price.withdraw": None},
    ("nuri", "price", "nuri-x1@2026-01-01T00:00:00+09:00"): {},
    ("nuri", "credential", "cr-000002"): {
        "credential.restore": None,
        "credential.retire": "credential_in_use",
    },
    ("operator", "provider", "nuri"): {
        "provider.change": None,
        "provider.suspend": None,
        "provider.end": None,
    },
    ("nuri", "provider", "nuri"): {},
    ("auditor", "correction", "co-000001"): {},
    ("operator", "correction", "co-000001"): {
        "correction.approve": None,
        "correction.refuse": None,
        "correction.withdraw": None,
    },
    ("second", "correction", "co-000001"): {
        "correction.approve": "own_proposal",
        "correction.refuse": "own_proposal",
        "correction.withdraw": None,
    },
    ("auditor", "reconciliation", "re-000001"): {"correction.propose": "nothing_to_correct"},
    ("nuri", "reconciliation", "re-000001"): {},
    ("operator", "month", "2099-01"): {"month.close": "month_not_over"},
    ("auditor", "month", "2099-01"): {},
}


async def test_what_is_offered_of_the_market_and_of_money(world: OfficeWorld) -> None:
    await world.post("nuri", "products", PRODUCT)
    await world.post("nuri", "products/nuri-x1/credentials", {"api_key": "a-new-one"})
    await world.post("nuri", "products/nuri-x1/prices", {"from": "2099-01-01T00:00:00+09:00", "input": 1})
    await world.post("auditor", "reconciliations", BODIES["ProviderStatement"])
    async with world.pool.connection() as conn, conn.transaction():
        await propose(conn, "nuri", "price", [CORRECTED], deed=DEED)
    found = {key: await offers(world, *key) for key in OF_THE_MARKET}
    assert found == dict(OF_THE_MARKET)


def test_only_what_is_entered_is_left_open() -> None:
    """What nobody can know before: a short list, each of a step with entries, or asked of the purse."""
    found = {
        (table.thing, guard.name)
        for table in TABLES
        for step in table.steps
        for guard in step.guards
        if guard.of_entry
    }
    assert found == {
        ("programme", "share_backdated"),
        ("programme", "holdback_backdated"),
        ("round", "not_later"),
        ("application", "track_unknown"),
        ("application", "bonus_unknown"),
        ("application", "above_cap"),
        ("application", "incomplete"),
        ("agreement", "above_award"),
        ("agreement", "outside_programme"),
        ("amendment", "nothing_changes"),
        ("voucher", "deposit_missing"),
        ("voucher", "not_later"),
        ("voucher", "above_spent"),
        ("voucher", "own_money_short"),
        ("price", "price_backdated"),
        ("price", "price_exists"),
        ("credential", "credential_known"),
        ("payment", "above_paid"),
        ("payable", "payout_account_missing"),
        ("payable", "transfers_off"),
        ("objection", "line_unknown"),
        ("objection", "correction_missing"),
        ("settlement", "holds_unknown"),
        ("settlement", "holds_open"),
        ("settlement", "verification_missing"),
        ("finding", "nothing_found"),
        ("finding", "found_already"),
        ("finding", "above_spent"),
        ("finding", "own_money_short"),
        ("finding", "above_owed"),
        ("reported_product", "id_taken"),
        ("reported_product", "tier_invalid"),
        ("reported_product", "price_there"),
        ("reported_product", "price_backdated"),
        ("report_key", "key_invalid"),
        ("report_key", "key_known"),
        ("report_key", "until_past"),
        *(("report_line", name) for name in ("product_not_sold", "company_not_there", "outside_agreement")),
        *(("report_line", name) for name in ("period_not_one_month", "period_reported", "price_missing")),
        *(("report_line", name) for name in ("quantity_invalid", "service_ahead", "reported_too_late")),
        ("report_line", "not_correctable"),
        ("own_fund", "limit_spent"),
        ("webhook", "address_refused"),
    }
