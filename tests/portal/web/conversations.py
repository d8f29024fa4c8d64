"""What is said and done in the journeys, a matter at a time, and what the books must say afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from portal.web.formats import Language
from tests.portal.web.journey_world import CALL_MICRO, CHECKOUT, Town
from tests.portal.web.window import Window

WON: Final = 1_000_000


def won(micro: int, language: Language) -> str:
    """As people write it, by hand: an exact amount, six places at most."""
    whole, rest = divmod(micro, WON)
    text = f"{whole:,}" + (f".{rest:06d}".rstrip("0") if rest else "")
    return f"{text}원" if language == "ko" else f"₩{text}"


async def is_owed_what_the_books_say(house: Town, provider: Window, product: str, language: Language) -> None:
    await house.called("gaonde", "gaonde-2026", f"{product}-1", product=product)
    await provider.link("홈")
    owed = won(await house.account("provider/nuri/payable"), language)
    assert await provider.text(".figures .first dd") == owed
    await provider.link("정산서", "2026년 9월")
    await provider.shows(product, owed.strip("₩원"))


async def finds_a_product(company: Window) -> None:
    """By scale, purpose, where data is processed and price; nuri-lite is another, and out of it."""
    await company.link("API 상품")
    await company.shows("nuri-lite")
    await company.choose(scale="large", purposes="chat", location="KR")
    await company.fill(input_at_most="1,300")
    await company.button("조회")
    assert await company.page.get_by_role("link", name="nuri-lite").count() == 0
    await company.link("nuri-x1")
    await company.shows("1,250", "5,000.5")


async def tops_up(house: Town, company: Window, voucher: str, who: str, language: Language) -> None:
    """By a transfer for the voucher, then by card for whatever comes, which is paid in at the end."""
    await company.link("예치·충전", "납부 시작")
    await company.choose(method="transfer", voucher=voucher)
    await company.fill(amount_krw="100만")
    await company.button("납부 시작")
    line = {"id": f"bank-{who}", "amount_krw": 1_000_000, "paid_on": "2026-09-24"}
    await house.office.post("operator", "bank_lines", {**line, "memo": await company.text("#reference")})
    await company.link("납부 보기")
    await company.shows("결제 완료")
    assert await house.account(f"voucher/{voucher}/self") == 1_000_000 * WON

    await company.link("예치·충전", "납부 시작")
    await company.fill(amount_krw="5만")
    await company.button("납부 시작")
    assert str(await company.page.locator("#checkout").get_attribute("href")).startswith(CHECKOUT)
    await company.link("납부 보기")
    await company.shows("결제 대기")
    await house.stripe_says_paid(company.page.url.rpartition("/")[2])
    await company.link("예치·충전")
    assert await company.text(".figures .first dd") == won(50_000 * WON, language)
    assert await house.account(f"company/{who}/own") == 50_000 * WON

    await company.link(voucher, "자체 예치금 납입")
    await company.fill(amount_krw="5만")
    await company.button("자체 예치금 납입")
    await company.shows(voucher)
    assert await house.account(f"voucher/{voucher}/self") == 1_050_000 * WON
    assert await house.account(f"company/{who}/own") == 0


async def sees_what_it_used(house: Town, company: Window, voucher: str, who: str, language: Language) -> None:
    await house.called(who, voucher, f"{voucher}-1", f"{voucher}-2")
    await company.link("이용 내역")
    [used] = await house.rows(
        "select sum(d_charge_micro)::bigint as micro from usage where company_id = %s", who
    )
    assert won(used["micro"], language).strip("₩원") in await company.text("tfoot")
    await company.link("홈")
    left = [await house.account(f"voucher/{voucher}/{source}") for source in ("government", "self")]
    assert sum(left) == 4_050_000 * WON - 2 * CALL_MICRO
    # The grant of 3,000,000 won ends the line, and not what was paid in beyond its fourth part.
    [line] = await house.rows(
        "select capacity_micro, charged_micro from funds where voucher_id = %s", voucher
    )
    assert line["capacity_micro"] < 4_050_000 * WON
    await company.shows(won(line["capacity_micro"] - line["charged_micro"], language))


async def announces(house: Town, operator: Window, number: str) -> None:
    await operator.link("사업 만들기")
    await operator.fill(
        id=number,
        name=f"사업 {number}",
        budget_krw="1000만",
        max_voucher_krw="6,000,000",
        starts_on="2026-01-01",
        ends_on="2026-12-31",
        shares__0__class="sme",
        shares__0__share="75",
        shares__1__class="startup",
        shares__1__share="75",
    )
    await operator.button("사업 만들기")
    await operator.button("사업 개시")
    await operator.link("회차 만들기")
    await operator.fill(
        id=f"{number}-1",
        name=f"{number} 1차 공모",
        budget_krw="800만",
        cap_krw="500만",
        opens_at=house.clock(hours=-1),
        closes_at=house.clock(days=1),
        criteria__0__name="활용 계획",
        criteria__0__max_points="100",
    )
    await operator.button("회차 만들기")
    await operator.link("공고하기")
    await operator.button("공고하기")
    await operator.shows("처리되었습니다: 공고하기")


async def enters_what_came_in(house: Town, operator: Window, who: str) -> None:
    """A company began a transfer; its reference stands in the bank's line."""
    begun = await house.office.post(who, "payments", {"amount_krw": 7_000, "method": "transfer"})
    await operator.link("정산", "입금 내역", "입금 등록")
    await operator.fill(id=f"line-{who}", amount_krw="7,000", paid_on="2026-09-24")
    await operator.fill(memo=f"충전 {begun['transfer_reference']}")
    await operator.button("입금 등록")
    await operator.shows(begun["id"])
    assert await house.account(f"company/{who}/own") == 7_000 * WON


async def traces_a_won(house: Town, auditor: Window, number: str, agreement: str, voucher: str) -> None:
    """From the programme to the postings of one call; each level is the sum below, and the ledger."""
    await auditor.link("사업 추적")
    for level in (f"AI 바우처 {number}", f"{number} 1차 공모", agreement, voucher):
        await auditor.link(level)
        await all_equal(auditor)
    month = auditor.said("2026년 9월")
    await auditor.link(f"{month} · nuri-x1")
    total = won(3 * CALL_MICRO, "ko").strip("원")
    assert total in await auditor.text("tfoot")
    await auditor.page.locator("tbody th a").first.click()
    await auditor.shows("분개 행", "provider/nuri/payable")
    [paid] = await house.rows(
        "select sum(d_charge_micro)::bigint as micro from usage where voucher_id = %s", voucher
    )
    assert paid["micro"] == 3 * CALL_MICRO


async def all_equal(auditor: Window) -> None:
    await auditor.shows("일치")
    assert await auditor.page.locator("td .chip.danger").count() == 0


async def matches_the_books(
    house: Town, run: str, matched: list[str], found: Mapping[str, Sequence[str | None]]
) -> None:
    [made] = await house.rows("select result from reconciliation where id = %s", run)
    assert made["result"]["matched"]["count"] == len(matched)
    ours = sum(of["ours_micro"] for of in made["result"].values())
    assert ours == await house.account("provider/nuri/payable")
    lines = await house.rows(
        "select class, op from reconciliation_line where reconciliation_id = %s order by number", run
    )
    for match, ops in found.items():
        assert [line["op"] for line in lines if line["class"] == match] == list(ops)


async def prices_anew(provider: Window, product: str) -> None:
    """A price for later, and another key at the vendor."""
    await provider.link("새 단가 추가")
    await provider.fill(holds_from="2099-01-01T00:00", price_input="1,000", price_output="4,000")
    await provider.button("새 단가 추가")
    await provider.shows("예정")
    await provider.link(product, "API 키 교체")
    await provider.fill(api_key="vendor-secret-0816")
    await provider.button("API 키 교체")
    await provider.shows("교체됨")


async def stands_in_the_books(house: Town, product: str) -> None:
    """On sale, with both prices, and with who did what."""
    [sold] = await house.rows("select * from product_now where product_id = %s", product)
    assert (sold["state"], sold["is_served"]) == ("on_sale", True)
    prices = await house.rows(
        "select input, output from price_list where product_id = %s order by 1", product
    )
    assert [(row["input"], row["output"]) for row in prices] == [
        (1_000 * WON, 4_000 * WON),
        (1_250 * WON, 5_000_500_000),
    ]
    log = await house.rows("select action, person from step where thing_id = %s order by id", product)
    assert [(row["action"], row["person"].partition("@")[0]) for row in log] == [
        ("make", "bae"),
        ("change", "bae"),
        ("submit", "bae"),
        ("approve", "operator"),
    ]
