"""What is offered when and to whom: the state tables asked before anything is entered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final

import pytest

from billing.casework import standing
from billing.casework.deeds import Deed
from billing.lifecycle.table import Actor
from billing.lifecycle.tables import TABLES
from tests.fakes.office_world import AFTER_CLOSING, PEOPLE, OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def offers(world: OfficeWorld, who: str, thing: str, thing_id: str) -> dict[str, str | None]:
    """Each step that is offered, with the code of what hinders it."""
    person = PEOPLE[who]
    actor = Actor(person.email, person.role, person.company, person.provider)
    async with world.pool.connection() as conn:
        found = await standing.offered(conn, thing, thing_id, deed=Deed(actor, world.now, "t"))
    return {
        f"{one.thing}.{one.step.action}": None if one.hindrance is None else one.hindrance.name
        for one in found
    }


BEFORE_CLOSING: Final[Mapping[tuple[str, str, str], dict[str, str | None]]] = {
    ("operator", "programme", "ai-2026"): {
        "programme.change": None,
        "programme.change_share": None,
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


def test_only_what_is_entered_is_left_open() -> None:
    """The conditions that nobody can know before: a short list, each of a step with entries."""
    found = {
        (table.thing, guard.name)
        for table in TABLES
        for step in table.steps
        for guard in step.guards
        if guard.of_entry
    }
    assert found == {
        ("programme", "share_backdated"),
        ("round", "not_later"),
        ("application", "track_unknown"),
        ("application", "bonus_unknown"),
        ("application", "above_cap"),
        ("agreement", "above_award"),
        ("agreement", "outside_programme"),
        ("amendment", "nothing_changes"),
        ("voucher", "deposit_missing"),
        ("voucher", "not_later"),
        ("voucher", "above_spent"),
        ("voucher", "own_money_short"),
        ("webhook", "address_refused"),
    }
