"""What becomes of applications: who may apply, when and how often; who is selected of a shared budget."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.fakes.office_world import AFTER_CLOSING, OfficeWorld, good, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND, TERMS


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_rounds_share_the_programme_s_budget_and_caps(world: OfficeWorld) -> None:
    """The second round has a budget of its own, and what the first has left of the programme's 10,000,000."""
    terms = PROGRAMME | {"company_year_cap_krw": 4_500_000}
    await world.opened_round(terms, ROUND)
    second = ROUND | {"id": "ai-2026-2", "budget_kind": "supplementary", "beyond_budget": "skip"}
    await world.post("operator", "rounds", second)
    await world.post("operator", "rounds/ai-2026-2/announce")
    asked = {
        "first": await world.applied("gaonde", APPLICATION | {"government_krw": 4_000_000}),
        "capped": await world.applied(
            "gaonde", APPLICATION | {"round": "ai-2026-2", "government_krw": 500_001}
        ),
        "fits": await world.applied(
            "hanbit", APPLICATION | {"round": "ai-2026-2", "government_krw": 4_500_000}
        ),
        "beyond": await world.applied(
            "dasom", APPLICATION | {"round": "ai-2026-2", "government_krw": 1_500_001}
        ),
    }
    await world.selected(asked["first"], "ai-2026-1")
    for name, plan in (("capped", 60), ("fits", 50), ("beyond", 40)):
        await world.post("operator", f"applications/{asked[name]}/screen")
        await world.scored(asked[name], (30, plan), (30, plan), (30, plan))
    early = await world.refused("operator", "rounds/ai-2026-1/select")
    assert early == (409, "wrong_state")
    await world.post("operator", "rounds/ai-2026-2/select")
    outcomes = {}
    for name, application in asked.items():
        shown = await world.get("operator", f"applications/{application}")
        outcomes[name] = (shown["state"], shown["award_krw"] or shown["outcome"]["why"])
    assert outcomes == {
        "first": ("selected", "4000000"),
        "capped": (
            "rejected",
            "The company's cap leaves 500000 won beside what it is granted already.",
        ),
        "fits": ("selected", "4500000"),
        "beyond": ("rejected", "The budget has 1500000 won left at this place."),
    }


async def test_a_would_be_founder_applies_without_a_number_and_signs_with_one(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    application = await world.applied("saessak", APPLICATION)
    await world.selected(application, "ai-2026-1")
    agreement = (await world.post("operator", "agreements", {"application": application, **TERMS}))["id"]
    assert await world.refused("saessak", f"agreements/{agreement}/sign") == (409, "brn_required")
    wrong = await world.patch("saessak", "companies/saessak", {"brn": "1234567890"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    good(await world.patch("saessak", "companies/saessak", {"brn": "333-33-33336"}))
    again = await world.patch("saessak", "companies/saessak", {"brn": "2222222227"})
    assert (again.status_code, again.json()["code"]) == (403, "forbidden")
    other = await world.patch("saessak", "companies/saessak", {"class": "sme"})
    assert (other.status_code, other.json()["code"]) == (403, "forbidden")
    assert (await world.post("saessak", f"agreements/{agreement}/sign"))["state"] == "signed"


async def test_one_application_of_a_company_and_of_a_number(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    application = await world.applied("gaonde", APPLICATION)
    assert await world.refused("gaonde", "applications", APPLICATION) == (409, "already_applied")
    twin = {"id": "twin", "name": "가온데이터 2", "brn": "1111111119", "class": "sme"}
    await world.post("operator", "companies", twin)
    good(await world.patch("operator", "companies/hanbit", {"brn": "1111111119"}))
    second = (await world.post("hanbit", "applications", APPLICATION))["id"]
    assert await world.refused("hanbit", f"applications/{second}/submit") == (409, "brn_applied")
    await world.post("gaonde", f"applications/{application}/withdraw", {"reason": "다시 쓰기"})
    await world.post("hanbit", f"applications/{second}/submit")
    await world.post("gaonde", f"applications/{application}/reopen")
    assert await world.refused("gaonde", f"applications/{application}/submit") == (409, "brn_applied")


async def test_the_clock_opens_and_closes_a_round(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    opens = world.now.replace(hour=0, minute=0)
    world.now = opens - timedelta(microseconds=1)
    assert await world.refused("gaonde", "applications", APPLICATION) == (409, "period_closed")
    world.now = opens
    application = (await world.post("gaonde", "applications", APPLICATION))["id"]
    world.now = AFTER_CLOSING
    for action in ("submit", "documents"):
        body = (
            None
            if action == "submit"
            else {"name": "계획서.pdf", "media_type": "application/pdf", "size_bytes": 1, "sha256": "0" * 64}
        )
        late = await world.refused("gaonde", f"applications/{application}/{action}", body)
        assert late == (409, "period_closed")
    changed = await world.patch("gaonde", f"applications/{application}", {"title": "늦음"})
    assert changed.json()["code"] == "period_closed"
    world.now -= timedelta(seconds=1)
    longer = {"closes_at": "2026-03-25T15:00:00+09:00", "reason": "신청 폭주"}
    await world.post("operator", "rounds/ai-2026-1/extend", longer)
    world.now = AFTER_CLOSING
    await world.post("gaonde", f"applications/{application}/submit")
    early = await world.refused("operator", f"applications/{application}/screen")
    assert early == (409, "period_open")
    await world.post("operator", "rounds/ai-2026-1/cancel", {"reason": "예산 변경"})
    shown = await world.get("gaonde", f"applications/{application}")
    assert (shown["state"], shown["outcome"]) == ("rejected", {"why": "예산 변경"})


async def decided(world: OfficeWorld, *applications: str) -> None:
    """The first is the best."""
    world.now = AFTER_CLOSING
    for place, application in enumerate(applications):
        await world.post("operator", f"applications/{application}/screen")
        points = (30, 60 - place)
        await world.scored(application, points, points, points)


async def test_one_business_signs_once_in_a_round(world: OfficeWorld) -> None:
    """Two founders without a number: that they are one business shows when they have it."""
    async with world.pool.connection() as conn:
        await conn.execute("update company set brn = null where id = 'dasom'")
    await world.opened_round(PROGRAMME, ROUND)
    founders = {who: await world.applied(who, APPLICATION) for who in ("saessak", "dasom")}
    await decided(world, *founders.values())
    await world.post("operator", "rounds/ai-2026-1/select")
    agreements = {
        who: (await world.post("operator", "agreements", {"application": one, **TERMS}))["id"]
        for who, one in founders.items()
    }
    for who in founders:
        good(await world.patch(who, f"companies/{who}", {"brn": "333-33-33336"}))
    await world.post("saessak", f"agreements/{agreements['saessak']}/sign")
    second = f"agreements/{agreements['dasom']}"
    assert await world.refused("dasom", f"{second}/sign") == (409, "brn_agreed")
    await world.post("dasom", f"{second}/decline", {"reason": "같은 사업자"})


async def test_a_decided_ranking_stays_as_it_was_decided(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND | {"quota": 1})
    applications = [await world.applied(who, APPLICATION) for who in ("gaonde", "hanbit")]
    await decided(world, *applications)
    before = (await world.get("auditor", "rounds/ai-2026-1/ranking"))["data"]
    assert [one["application"] for one in before] == applications
    await world.post("operator", "rounds/ai-2026-1/select")
    states = [(await world.get("auditor", f"applications/{one}"))["state"] for one in applications]
    assert states == ["selected", "rejected"]
    assert (await world.get("auditor", "rounds/ai-2026-1/ranking"))["data"] == before
    await world.post("gaonde", f"applications/{applications[0]}/withdraw", {"reason": "폐업"})
    assert (await world.get("auditor", "rounds/ai-2026-1/ranking"))["data"] == before


async def test_what_was_submitted_stays_complete(world: OfficeWorld) -> None:
    await world.opened_round(PROGRAMME, ROUND)
    application = f"applications/{await world.applied('gaonde', APPLICATION)}"
    for emptied in ({"title": " "}, {"plan": ""}, {"government_krw": 0}):
        refused = await world.patch("gaonde", application, emptied)
        assert (refused.status_code, refused.json()["code"]) == (409, "incomplete")
    good(await world.patch("gaonde", application, {"plan": "상담을 분류한다.", "government_krw": 1}))
    await world.post("gaonde", f"{application}/withdraw", {"reason": "다시 쓰기"})
    await world.post("gaonde", f"{application}/reopen")
    good(await world.patch("gaonde", application, {"plan": ""}))


async def test_a_programme_that_is_a_draft_is_the_agency_s(world: OfficeWorld) -> None:
    await world.post("operator", "programmes", PROGRAMME)
    for who in ("gaonde", "nuri"):
        assert (await world.call(who, "GET", "programmes/ai-2026")).status_code == 404
        assert (await world.get(who, "programmes"))["data"] == []
    assert [one["id"] for one in (await world.get("auditor", "programmes"))["data"]] == ["ai-2026"]
    await world.post("operator", "programmes/ai-2026/open")
    assert [one["id"] for one in (await world.get("gaonde", "programmes"))["data"]] == ["ai-2026"]
