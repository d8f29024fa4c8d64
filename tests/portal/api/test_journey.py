"""From a programme to vouchers: every role at its desk, and the books sound after every step."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from billing.directory_store import load_directory
from tests.fakes.office_world import AFTER_CLOSING, OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

KST = timezone(timedelta(hours=9))


async def test_from_a_programme_to_vouchers(books_url: str) -> None:
    async with opened(books_url) as world:
        await world.opened_round(PROGRAMME, ROUND)
        ids = {}
        for company, asks, bonuses in (
            ("gaonde", 3_000_000, []),
            ("hanbit", 5_000_000, ["region"]),
            ("saessak", 3_000_000, []),
        ):
            body = APPLICATION | {"government_krw": asks, "bonuses": bonuses, "products": ["nuri-x1"]}
            ids[company] = await world.applied(company, body)
        await world.books()

        world.now = AFTER_CLOSING
        late = await world.refused("dasom", "applications", APPLICATION)
        assert late == (409, "period_closed")
        for company, application_id in ids.items():
            granted = ["region"] if company == "hanbit" else []
            await world.post("operator", f"applications/{application_id}/screen", {"bonuses": granted})
        # Trimmed of one highest and one lowest: 80, 80 + 2 of bonus, and 80 again, less for the plan.
        await world.scored(ids["gaonde"], (30, 50), (30, 51), (0, 10))
        await world.scored(ids["hanbit"], (30, 50), (40, 60), (20, 30))
        await world.scored(ids["saessak"], (40, 40), (30, 20), (40, 60))
        ranking = (await world.get("auditor", "rounds/ai-2026-1/ranking"))["data"]
        assert [(row["company"], row["score"]) for row in ranking] == [
            ("hanbit", "82"),
            ("gaonde", "80"),
            ("saessak", "80"),
        ]
        assert ranking[2]["tie"] == (
            f"80 points as {ids['gaonde']}, which stands above by 50 points for plan against 40"
        )

        decided = await world.post("operator", "rounds/ai-2026-1/select")
        assert decided["result"] == {
            "applied": 3,
            "scored": 3,
            "selected": 2,
            "competition": {"applied": 3, "selected": 2, "text": "1.50"},
            "awarded_krw": "8000000",
        }
        rejected = await world.get("saessak", f"applications/{ids['saessak']}")
        assert (rejected["state"], rejected["outcome"]["why"]) == (
            "rejected",
            "The budget has 0 won left at this place.",
        )
        assert (await world.books()).accounts == {}  # an award is reserved, and no entry yet

        await _to_a_voucher(world, ids["gaonde"])
        await _amended(world)


async def _to_a_voucher(world: OfficeWorld, application_id: str) -> None:
    terms = {"starts_on": "2026-04-01", "ends_on": "2026-10-31"}
    body = {"application": application_id, **terms}
    agreement = await world.post("operator", "agreements", body)
    assert (agreement["government_krw"], agreement["self_cash_krw"]) == ("3000000", "1000000")
    path = f"agreements/{agreement['id']}"
    await world.post("gaonde", f"{path}/sign")
    short = await world.refused("operator", f"{path}/issue", {"self_deposit_krw": 999_999})
    assert short == (409, "deposit_missing")
    issued = await world.post(
        "operator", f"{path}/issue", {"id": "gaonde-2026", "self_deposit_krw": 1_000_000}
    )
    assert issued["voucher"] == "gaonde-2026"
    accounts = (await world.books()).accounts
    assert accounts["programme/ai-2026/budget"] == -3_000_000_000_000
    assert accounts["voucher/gaonde-2026/government"] == 3_000_000_000_000
    assert accounts["voucher/gaonde-2026/self"] == 1_000_000_000_000

    # What a gateway reads is what `apply` would have made.
    async with world.pool.connection() as conn:
        [voucher] = (await load_directory(conn, secrets=world.secrets)).vouchers
    assert (voucher.state, voucher.products, voucher.share_ppm) == (
        "active",
        frozenset({"nuri-x1"}),
        750_000,
    )
    assert voucher.ends_ms == datetime(2026, 11, 1, tzinfo=KST).timestamp() * 1000


async def _amended(world: OfficeWorld) -> None:
    [agreement] = (await world.get("gaonde", "agreements"))["data"]
    await world.post("operator", "vouchers/gaonde-2026/suspend", {"reason": "확인 중"})
    await world.post("operator", "vouchers/gaonde-2026/resume", {"reason": "확인 완료"})
    asked = await world.post(
        "gaonde",
        f"agreements/{agreement['id']}/amendments",
        {"reason": "사용 기간 연장", "ends_on": "2026-11-30", "government_krw": 4_000_000},
    )
    await world.post("operator", f"amendments/{asked['id']}/approve")
    after = await world.get("gaonde", "vouchers/gaonde-2026")
    assert (after["ends_on"], after["government_krw"], after["state"]) == (
        "2026-11-30",
        "4000000",
        "active",
    )
    assert (await world.books()).accounts["programme/ai-2026/budget"] == -4_000_000_000_000
    log = (await world.get("auditor", "vouchers/gaonde-2026/log"))["data"]
    assert [(row["action"], row["to"], row["person"]) for row in log] == [
        ("issue", "active", "operator@example.org"),
        ("suspend", "suspended", "operator@example.org"),
        ("resume", "active", "operator@example.org"),
    ]
