"""The end of a voucher that was declared, without an agreement: settled as any other is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pytest

from metering.money import parse_krw
from tests.billing.statements.test_statutory_sheets import paper
from tests.fakes.declared_world import World, edited
from tests.fakes.office_world import OfficeWorld
from tests.fakes.used_vouchers import Sold, UsedVouchers, used_vouchers
from tests.portal.api.a_settlement import DECLARATION, DECLARED, declare, price_corrected
from tests.portal.api.test_settlement_life import published

KST: Final = timezone(timedelta(hours=9))
WON: Final = 1_000_000
NURI: Final = Sold("nuri", "nuri-x1", "2026-01-01T00:00:00+09:00", 1_250)
BUDGET: Final = 10_000_000 * WON
GRANT: Final = 3_000_000 * WON
# Of 1,800,000 won in September, a tenth of that after a correction, and 200,000 won in October.
SEPTEMBER, CORRECTED, OCTOBER = 1_350_000 * WON, 135_000 * WON, 150_000 * WON
SPENT: Final = SEPTEMBER + OCTOBER
CLOSING: Final = {"reason": "사업 종료"}
CLOSE: Final = "programmes/ai-2026/close"
INTEREST: Final = {"amount_krw": 1_234, "document": "이자 확인서"}
UNTIL_SEPTEMBER: Final = edited(DECLARATION, "ends_on: 2026-10-31", "ends_on: 2026-09-30")
UNTIL_DECEMBER: Final = edited(DECLARATION, "ends_on: 2026-10-31", "ends_on: 2026-12-31")


@dataclass(slots=True)
class End:
    used: UsedVouchers
    it: str = ""  # the settlement's path, once there is one

    @property
    def office(self) -> OfficeWorld:
        return self.used.office

    def turn(self, day: str) -> None:
        self.office.now = datetime.fromisoformat(day).replace(tzinfo=KST)

    async def post(self, who: str, path: str, body: object = None, *, spent: int, returned: int) -> Any:
        """A step, then whether budget = spent + returned + left, as the programme and its ledger have it."""
        made = await self.office.post(who, path, body)
        await self.adds_up(spent=spent, returned=returned)
        return made

    async def adds_up(self, *, spent: int, returned: int) -> None:
        accounts = await self.used.post()
        shown = await self.office.get("auditor", "programmes/ai-2026/settlement?lang=en")
        total, never, budget = (dict(zip(shown["columns"], row, strict=True)) for row in shown["totals"])
        said = [parse_krw(total[name]) for name in ("Granted, fixed", "Spent", "Returned", "Not returned")]
        assert said == [GRANT, spent, returned, GRANT - spent - returned]
        left = parse_krw(never["Granted, fixed"]) + said[3]
        assert spent + returned + left == parse_krw(budget["Granted, fixed"]) == BUDGET
        assert accounts["programme/ai-2026/budget"] == returned - GRANT


@pytest.fixture
async def end(books_url: str) -> AsyncIterator[End]:
    async with used_vouchers(books_url, datetime(2026, 9, 15, 10, tzinfo=KST)) as used:
        yield End(used)


async def test_from_a_declaration_to_a_closed_programme(end: End, tmp_path: Path) -> None:
    await declared_and_used(end)
    await ended(end)
    await opened_and_returned(end)
    await returned_late(end)
    await found_and_repaid(end)
    await closed_and_kept(end)
    await published(end.office, tmp_path)


async def declared_and_used(end: End) -> None:
    report = await declare(end.office, DECLARATION)
    assert report.created == ("programme/ai-2026", f"voucher/{DECLARED}")
    async with end.used.before_the_end():
        await end.used.call("gaonde", DECLARED, NURI, 1_440_000_000)
        await end.adds_up(spent=SEPTEMBER, returned=0)
        end.turn("2026-10-15T10:00")
        await end.used.call("gaonde", DECLARED, NURI, 160_000_000)
        await end.adds_up(spent=SPENT, returned=0)
    alive = await end.office.refused("operator", "settlements", {"voucher": DECLARED})
    assert alive == (409, "voucher_not_over")
    assert await end.office.refused("operator", CLOSE, CLOSING) == (409, "vouchers_alive")


async def ended(end: End) -> None:
    end.turn("2026-11-02T10:00")
    assert (await end.office.get("gaonde", f"vouchers/{DECLARED}"))["state"] == "expired"
    assert await end.office.refused("operator", CLOSE, CLOSING) == (409, "vouchers_unsettled")
    assert await end.used.expire() == 1


async def opened_and_returned(end: End) -> None:
    shown = await end.post("operator", "settlements", {"voucher": DECLARED}, spent=SPENT, returned=0)
    end.it = f"settlements/{shown['id']}"
    named = [shown[name] for name in ("agreement", "voucher", "programme", "company", "ended_on")]
    assert named == [None, DECLARED, "ai-2026", "gaonde", "2026-10-31"]
    again = await end.office.refused("operator", "settlements", {"voucher": DECLARED})
    assert again == (409, "settlement_exists")
    await nothing_revives_it(end)
    assert await end.office.refused("operator", f"{end.it}/return-unused") == (409, "interest_unknown")
    await end.post("operator", f"{end.it}/enter-interest", INTEREST, spent=SPENT, returned=0)
    shown = await end.post("operator", f"{end.it}/return-unused", spent=SPENT, returned=GRANT - SPENT)
    assert [shown["returned_government_krw"], shown["returned_self_krw"]] == ["1500000", "500000"]
    accounts = await end.used.post()
    assert accounts["programme/ai-2026/budget"] == -SPENT
    assert accounts["programme/ai-2026/interest"] == 1_234 * WON
    assert accounts[f"voucher/{DECLARED}/expired"] == 0
    assert accounts["company/gaonde/own"] == 500_000 * WON


async def nothing_revives_it(end: End) -> None:
    """Neither by days and money of its own, nor by other days of its programme, which it has no more."""
    async with end.office.pool.connection() as conn:
        for changed in ("government_krw: 4000000", "state: suspended", "starts_on: 2026-05-01"):
            text = f"vouchers:\n  - {{id: {DECLARED}, {changed}}}\n"
            assert "its settlement has begun" in await World(conn, end.office.secrets).refusal(text)
        later = edited(UNTIL_DECEMBER, "    company", "    ends_on: 2026-12-31\n    company")
        assert "its settlement has begun" in await World(conn, end.office.secrets).refusal(later)
    assert (await declare(end.office, DECLARATION)).changed == ()
    for text in (UNTIL_SEPTEMBER, UNTIL_DECEMBER):
        assert (await declare(end.office, text)).changed == ("programme/ai-2026",)
    shown = await end.office.get("gaonde", f"vouchers/{DECLARED}")
    assert [shown[name] for name in ("state", "starts_on", "ends_on")] == [
        "expired",
        "2026-01-01",
        "2026-10-31",
    ]
    answer = await end.office.patch("operator", f"vouchers/{DECLARED}", {"ends_on": "2026-12-31"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    clawed = await end.office.refused("operator", f"vouchers/{DECLARED}/claw-back", {"reason": "부정수급"})
    assert clawed == (409, "settlement_begun")


async def returned_late(end: End) -> None:
    """The price of September was wrong."""
    await end.office.post("second", f"{await price_corrected(end.office)}/approve")
    spent = CORRECTED + OCTOBER
    await end.adds_up(spent=spent, returned=GRANT - SPENT)
    assert await end.office.refused("gaonde", f"{end.it}/report") == (409, "return_pending")
    assert await end.used.expire() == 1
    why = {"reason": "단가 보정"}
    shown = await end.post("operator", f"{end.it}/return-late", why, spent=spent, returned=GRANT - spent)
    assert [one["government_krw"] for one in shown["returns"]] == ["1500000", "1215000"]


async def found_and_repaid(end: End) -> None:
    as_it_is = {"spent": CORRECTED + OCTOBER, "returned": GRANT - CORRECTED - OCTOBER}
    await end.post("gaonde", f"{end.it}/report", **as_it_is)
    await end.post("operator", f"{end.it}/verify", **as_it_is)
    body = {"voucher": DECLARED, "lines": [{"call": "op2"}], "reason": "목적 외 사용"}
    found = await end.post("auditor", "findings", body, **as_it_is)
    assert [found["agreement"], found["voucher"], found["government_krw"]] == [None, DECLARED, "150000"]
    listed = (await end.office.get("gaonde", f"findings?voucher={DECLARED}"))["data"]
    assert [one["id"] for one in listed] == [found["id"]]
    assert await end.office.refused("operator", f"{end.it}/settle") == (409, "findings_undecided")
    finding = f"findings/{found['id']}"
    await end.post("gaonde", f"{finding}/object", {"reason": "업무용입니다"}, **as_it_is)
    await end.post("operator", f"{finding}/confirm", {"reason": "이의 기각"}, **as_it_is)
    assert await end.office.refused("operator", CLOSE, CLOSING) == (409, "vouchers_unsettled")
    await end.post("operator", f"{end.it}/settle", **as_it_is)
    assert await end.office.refused("operator", f"{end.it}/close") == (409, "claims_unpaid")
    # From what came back of the self share, and by bank transfer.
    await end.post("operator", f"{finding}/offset", {"amount_krw": 100_000}, **as_it_is)
    line = {"id": "KB-7", "amount_krw": 50_000, "paid_on": "2026-11-02"}
    await end.office.post("operator", "bank_lines", line)
    await end.office.post("operator", "bank_lines/KB-7/match", {"company": "gaonde"})
    await end.post("operator", f"{finding}/repay", **as_it_is)
    accounts = await end.used.post()
    assert accounts["programme/ai-2026/clawed_back"] == OCTOBER
    assert accounts["company/gaonde/receivable"] == 0


async def closed_and_kept(end: End) -> None:
    as_it_is = {"spent": CORRECTED + OCTOBER, "returned": GRANT - CORRECTED - OCTOBER}
    shown = await end.post("operator", f"{end.it}/close", **as_it_is)
    assert (shown["state"], shown["kept_on"]) == ("closed", "2031-10-31")
    await end.office.post("operator", CLOSE, CLOSING)
    await the_sheets_name_the_voucher(end)
    kept = {"reason": "보존 기한"}
    assert await end.office.refused("operator", f"{end.it}/erase", kept) == (409, "retention_running")
    end.turn("2031-11-01T10:00")
    await end.post("operator", f"{end.it}/erase", kept, **as_it_is)
    log = (await end.office.get("gaonde", f"{end.it}/log"))["data"]
    assert [row["action"] for row in log] == [
        *("open", "enter_interest", "return_unused", "return_late", "report", "verify", "settle", "close"),
        "erase",
    ]
    late = {"voucher": DECLARED, "lines": [{"amount_krw": 1}], "reason": "목적 외"}
    assert await end.office.refused("auditor", "findings", late) == (409, "settlement_erased")


async def the_sheets_name_the_voucher(end: End) -> None:
    for lang, number, period in (
        ("ko", "바우처 번호", "2026.01.01 – 2026.10.31"),
        ("en", "Voucher", "1 Jan 2026 – 31 Oct 2026"),
    ):
        for form, spent in (("report", 1), ("summary", 3), ("daily", 5), ("registration", 7)):
            asked = f"{end.it}/sheet?form={form}&lang={lang}"
            text = paper((await end.office.call("gaonde", "GET", f"{asked}&format=pdf")).content)
            for said in (number, DECLARED, period):
                assert said in text, (form, lang, said)
            for never in ("None", "협약", "greement"):
                assert never not in text, (form, lang, never)
            shown = await end.office.get("auditor", asked)
            whole = shown["rows"][1][4] if form == "report" else shown["totals"][0][spent]
            assert whole == 380_000, (form, lang)
    whole = await end.office.get("auditor", "programmes/ai-2026/settlement")
    assert [row[0] for row in whole["rows"]] == [DECLARED]
