"""From a budget to a paid provider and a returned rest: one programme's life, the books sound at every step.

Three companies, two providers, a regular and a supplementary round, both shares. Two of the monthly lines are
those that the programme's own guide works out: 1,800,000 won at 70 %, 15,500,000 won at 80 %.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest

from tests.fakes.office_world import good
from tests.fakes.used_vouchers import Sold, UsedVouchers, used_vouchers
from tests.portal.api.a_product import PRODUCT

KST: Final = timezone(timedelta(hours=9))
WON: Final = 1_000_000
PROGRAMME: Final[dict[str, Any]] = {
    "id": "ai-2026",
    "name": "초거대 AI API 활용 지원",
    "legal_basis": "보조금",
    "budget_krw": 30_000_000,
    "max_voucher_krw": 20_000_000,
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "shares": {"sme": "0.7", "startup": "0.8"},
    "deposit_rule": "full",
}
REGULAR: Final[dict[str, Any]] = {
    "id": "ai-2026-1",
    "programme": "ai-2026",
    "name": "1차 공모",
    "budget_krw": 20_000_000,
    "cap_krw": 16_000_000,
    "opens_at": "2026-03-02T09:00:00+09:00",
    "closes_at": "2026-03-24T15:00:00+09:00",
    "criteria": [
        {"id": "need", "name": "필요성", "max_points": 40},
        {"id": "plan", "name": "활용 계획", "max_points": 60},
    ],
    "evaluators_min": 3,
    "pass_mark": 60,
}
SUPPLEMENTARY: Final[dict[str, Any]] = REGULAR | {
    "id": "ai-2026-2",
    "name": "추경 공모",
    "budget_kind": "supplementary",
    "budget_krw": 4_000_000,
    "opens_at": "2026-05-02T09:00:00+09:00",
    "closes_at": "2026-05-24T15:00:00+09:00",
}
FROM: Final = "2026-01-01T00:00:00+09:00"
NURI: Final = Sold("nuri", "nuri-x1", FROM, 1_250)
OTHER: Final = Sold("other", "other-y1", FROM, 1_000)
# Of 333,333.333 won at 80 %.
SAESSAK_GOVERNMENT_MICRO: Final = 333_333_333_000 * 8 // 10
SELF_MICRO: Final = 540_000 * WON + 3_100_000 * WON + 37_500 * WON + 333_333_333_000 * 2 // 10
# What each voucher has left in the end, of the grant and of the self share, in won.
LEFT: Final = {
    "gaonde": ("752500", "322500"),
    "hanbit": ("1600000", "400000"),
    "saessak": ("3733333.3336", "933333.3334"),
}
AGREED: Final = {"starts_on": "2026-04-01", "ends_on": "2026-10-31"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=KST)


@dataclass(slots=True)
class Life:
    used: UsedVouchers
    paid_micro: int = 0  # to providers, so far

    def turn(self, text: str) -> None:
        self.used.office.now = at(text)

    async def post(self, who: str, path: str, body: object = None) -> Any:
        made = await self.used.office.post(who, path, body)
        await self.used.office.books()
        return made

    async def get(self, who: str, path: str) -> Any:
        return await self.used.office.get(who, path)

    async def apply(self, company: str, of_round: str, government_krw: int, self_krw: int) -> str:
        body = {
            "round": of_round,
            "title": "상담 자동화",
            "plan": "상담 기록을 요약한다.",
            "government_krw": government_krw,
            "self_cash_krw": self_krw,
        }
        return await self.used.office.applied(company, body)

    async def judge(self, application: str, points: int) -> None:
        await self.post("operator", f"applications/{application}/screen")
        await self.used.office.scored(application, *[(30, points)] * 3)

    async def voucher(self, company: str, application: str, *, self_krw: int) -> str:
        """Agreed, its self share paid by bank transfer, and issued with it. -> the agreement"""
        agreement = str(
            (await self.post("operator", "agreements", {"application": application, **AGREED}))["id"]
        )
        await self.post(company, f"agreements/{agreement}/sign")
        begun = await self.post(company, "payments", {"amount_krw": self_krw, "method": "transfer"})
        line = {"id": f"KB-{company}", "amount_krw": self_krw, "memo": begun["transfer_reference"]}
        await self.post("operator", "bank_lines", line | {"paid_on": f"{self.used.office.now:%Y-%m-%d}"})
        issued = {"id": f"{company}-2026", "own_krw": self_krw}
        await self.post("operator", f"agreements/{agreement}/issue", issued)
        return agreement


@pytest.fixture
async def life(books_url: str) -> AsyncIterator[Life]:
    async with used_vouchers(books_url, at("03-02T10:00")) as used:
        yield Life(used)


async def test_from_a_budget_to_a_paid_provider_and_a_returned_rest(life: Life) -> None:
    await _a_second_provider(life)
    agreements = await _two_rounds(life)
    async with life.used.before_the_end():
        await _used_in_september(life)
        await _statements_of_september(life)
        await _paid(life, "2026-09", {"nuri": 11_800_000, "other": 5_500_000})
        await _used_in_october(life)
        await _paid(life, "2026-10", {"nuri": 125_000, "other": 333_333})
    await _settled(life, agreements)
    await _the_programme_s_end(life)


async def _a_second_provider(life: Life) -> None:
    draft = PRODUCT | {"id": OTHER.product, "prices": [{"from": FROM, "input": 1_000, "output": 4_000}]}
    await life.post("other", "products", draft)
    await life.post("other", f"products/{OTHER.product}/submit")
    await life.post("operator", f"products/{OTHER.product}/approve")


async def _two_rounds(life: Life) -> dict[str, str]:
    """-> the agreements, by company."""
    await life.used.office.opened_round(PROGRAMME, REGULAR)
    gaonde = await life.apply("gaonde", "ai-2026-1", 2_100_000, 900_000)
    hanbit = await life.apply("hanbit", "ai-2026-1", 14_000_000, 3_500_000)
    life.turn("03-24T15:00")
    await life.judge(gaonde, 50)
    await life.judge(hanbit, 45)
    decided = await life.post("operator", "rounds/ai-2026-1/select")
    assert decided["result"]["awarded_krw"] == "16100000"
    agreements = {
        "gaonde": await life.voucher("gaonde", gaonde, self_krw=900_000),
        "hanbit": await life.voucher("hanbit", hanbit, self_krw=3_500_000),
    }

    life.turn("05-02T10:00")
    await life.post("operator", "rounds", SUPPLEMENTARY)
    await life.post("operator", "rounds/ai-2026-2/announce")
    saessak = await life.apply("saessak", "ai-2026-2", 4_000_000, 1_000_000)
    dasom = await life.apply("dasom", "ai-2026-2", 3_500_000, 1_500_000)
    life.turn("05-24T15:00")
    await life.judge(saessak, 55)
    await life.judge(dasom, 50)
    await life.post("operator", "rounds/ai-2026-2/select")
    refused = await life.get("dasom", f"applications/{dasom}")
    assert (refused["state"], refused["outcome"]["why"]) == (
        "rejected",
        "The budget has 0 won left at this place.",
    )
    # A would-be founder: the business and its number came after the application.
    good(await life.used.office.patch("saessak", "companies/saessak", {"brn": "333-33-33336"}))
    agreements["saessak"] = await life.voucher("saessak", saessak, self_krw=1_000_000)
    accounts = await life.used.post()
    assert accounts["programme/ai-2026/budget"] == -20_100_000 * WON
    assert accounts["clearing/bank"] == -5_400_000 * WON
    return agreements


async def _used_in_september(life: Life) -> None:
    life.turn("09-15T10:00")
    for _ in range(3):
        await life.used.call("gaonde", "gaonde-2026", NURI, 480_000_000)
    for _ in range(10):
        await life.used.call("hanbit", "hanbit-2026", NURI, 800_000_000)
    for _ in range(5):
        await life.used.call("hanbit", "hanbit-2026", OTHER, 1_100_000_000)
    accounts = await life.used.post()
    assert accounts["provider/nuri/payable"] == 11_800_000 * WON
    assert accounts["provider/other/payable"] == 5_500_000 * WON


async def _statements_of_september(life: Life) -> None:
    life.turn("10-02T10:00")
    await life.post("operator", "months/2026-09/close", {"reason": "월 마감"})
    worked = {"gaonde": (1_800_000, 1_260_000, 540_000), "hanbit": (15_500_000, 12_400_000, 3_100_000)}
    for company, (supply, government, own) in worked.items():
        statement = await life.get(company, f"companies/{company}/statements/2026-09")
        won = statement["won"]
        assert (won["supply_krw"], won["government_krw"], won["self_krw"]) == (
            str(supply),
            str(government),
            str(own),
        )
        assert (statement["vat_krw"], statement["total_krw"]) == (str(supply // 10), str(supply * 11 // 10))


async def _paid(life: Life, month: str, owed_krw: dict[str, int]) -> None:
    """By a bank file, what two people approved; the rest of a won stays owed."""
    found = (await life.get("auditor", "payables"))["data"]
    due = {one["provider"]: one for one in found if one["month"] == month}
    assert {who: int(one["amount_krw"]) for who, one in due.items()} == owed_krw
    for who, one in due.items():
        if month == "2026-09":
            account = {
                "rail": "bank",
                "bank_code": "088",
                "number": f"110-{who}-1".replace(who, "4477"),
                "holder": who,
            }
            entered = await life.post(who, "payout_accounts", account)
            await life.post("operator", f"payout_accounts/{entered['id']}/confirm")
        await life.post("operator", f"payables/{one['id']}/propose")
        await life.post("second", f"payables/{one['id']}/approve")
    ids = [one["id"] for one in due.values()]
    batch = await life.post("operator", "payout_batches", {"payables": ids})
    file = await life.get("operator", f"payout_batches/{batch['id']}/file")
    sent = list(csv.DictReader(io.StringIO(file["content"])))
    assert sum(int(line["amount_won"]) for line in sent) == sum(owed_krw.values())
    lines = "".join(f"{line['payout']},{line['amount_won']},paid,\n" for line in sent)
    content = f"payout,amount_won,result,reason\n{lines}"
    await life.post("operator", f"payout_batches/{batch['id']}/results", {"content": content})
    accounts = await life.used.post()
    life.paid_micro += sum(owed_krw.values()) * WON
    assert accounts["clearing/bank/out"] == life.paid_micro
    for who, one in due.items():
        assert (await life.get(who, f"payables/{one['id']}"))["state"] == "paid"
        assert accounts[f"provider/{who}/payable"] < WON


async def _used_in_october(life: Life) -> None:
    life.turn("10-15T10:00")
    await life.used.call("gaonde", "gaonde-2026", NURI, 100_000_000)
    await life.used.call("saessak", "saessak-2026", OTHER, 333_333_333)
    await life.used.post()
    life.turn("11-02T10:00")
    await life.post("operator", "months/2026-10/close", {"reason": "월 마감"})
    statement = await life.get("saessak", "companies/saessak/statements/2026-10")
    assert (statement["won"]["supply_krw"], statement["rest"]["supply_krw"]) == ("333333", "0.333")


async def _settled(life: Life, agreements: dict[str, str]) -> None:
    """Unused money and interest go back; the books never have more, nor less."""
    life.turn("11-10T10:00")
    assert await life.used.expire() == 3
    for company, agreement in agreements.items():
        settlement = (
            f"settlements/{(await life.post('operator', 'settlements', {'agreement': agreement}))['id']}"
        )
        interest = {"amount_krw": 1_000, "document": "이자 확인서"}
        await life.post("operator", f"{settlement}/enter-interest", interest)
        shown = await life.post("operator", f"{settlement}/return-unused")
        government, own = LEFT[company]
        assert (shown["returned_government_krw"], shown["returned_self_krw"]) == (government, own)
        assert (await life.get(company, f"own_money/{company}"))["own_krw"] == own
        await life.post(company, f"{settlement}/report")
        for step in ("verify", "settle", "close"):
            await life.post("operator", f"{settlement}/{step}")


async def _the_programme_s_end(life: Life) -> None:
    life.turn("12-31T10:00")
    await life.post("operator", "programmes/ai-2026/close", {"reason": "사업 종료"})
    accounts = await life.used.post()
    # What the programme gave is the government's part of what providers were paid, or are still owed.
    spent_micro = 1_260_000 * WON + 12_400_000 * WON + 87_500 * WON + SAESSAK_GOVERNMENT_MICRO
    assert accounts["programme/ai-2026/budget"] == -spent_micro
    assert accounts["programme/ai-2026/interest"] == 3_000 * WON
    for company in LEFT:
        for side in ("government", "self", "expired"):
            assert accounts.get(f"voucher/{company}-2026/{side}", 0) == 0
    assert accounts["provider/other/payable"] == 333_000
    assert life.paid_micro + 333_000 == spent_micro + SELF_MICRO
