"""The first job of each role by clicks in a real browser, in both languages, in one house.

Who is at a window clicks; what others do meanwhile is done over the API. What came of it is read from the
books. Nobody counts on what another journey left behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from portal.web.formats import Language
from tests.portal.web.conversations import (
    WON,
    all_equal,
    announces,
    enters_what_came_in,
    finds_a_product,
    is_owed_what_the_books_say,
    matches_the_books,
    prices_anew,
    sees_what_it_used,
    stands_in_the_books,
    tops_up,
    traces_a_won,
)
from tests.portal.web.journey_world import Town, programme, round_of, town
from tests.portal.web.web_world import with_password
from tests.portal.web.window import CHROMIUM

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]
# The same clicks by other words: CI makes them besides the suite.
ENGLISH: Final = pytest.param("en", marks=pytest.mark.campaign)
both: Final = pytest.mark.parametrize("language", ["ko", ENGLISH])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(house_url: str) -> AsyncIterator[Town]:
    async with town(house_url) as made:
        yield made
        assert [window.complaints for window in made.windows if window.complaints] == []


@both
async def test_a_provider_brings_a_product_to_sale(house: Town, language: Language) -> None:
    product = f"nuri-{language}"
    provider = await house.window("nuri", language)
    await provider.link("API 상품", "상품 등록")
    await provider.fill(id=product, context_tokens="32000", max_output_tokens="4096")
    await provider.fill(base_url="https://api.nuri.example/v1", model="x2", api_key="vendor-secret-0815")
    await provider.fill(holds_from="2026-01-01T00:00", price_input="1,250", price_output="5000.5")
    await provider.choose(scale="large")
    await provider.button("상품 등록")
    await provider.shows("데이터 처리 국가를 입력해 주세요.")
    await provider.link("상품 수정")
    await provider.choose(data_location="KR", trains_on_input="false")
    await provider.fill(retention_days="0")
    await provider.button("상품 수정")
    await provider.button("심사 요청")
    await provider.shows("심사 중")

    operator = await house.window("operator", language)
    await operator.link("심사를 기다리는 상품", product, "승인")
    await operator.button("승인")
    await operator.shows("판매 중")

    await provider.page.reload()
    await prices_anew(provider, product)

    await stands_in_the_books(house, product)
    await is_owed_what_the_books_say(house, provider, product, language)


@both
async def test_a_company_finds_applies_calls_and_tops_up(house: Town, language: Language) -> None:
    number, who = f"company-{language}", {"ko": "gaonde", "en": "hanbit"}[language]
    office = house.office
    await office.opened_round(programme(number), round_of(number, house))
    company = await house.window(who, language)
    await finds_a_product(company)
    await company.link("신청·협약", f"{number} 1차 공모", "신청서 작성")
    await company.fill(title="상담 자동화", plan="상담 기록을 요약한다.", government_krw="300만")
    await company.button("신청서 작성")
    await company.button("제출하기")
    await company.shows("처리되었습니다: 제출하기")
    [application] = await house.rows("select id from application where round_id = %s", f"ai-{number}-1")
    agreement = await house.offered(number, application["id"])

    await house.back_at(company, who)
    await company.link("신청·협약", "협약", agreement, "협약 체결")
    await company.button("협약 체결")
    await company.shows("체결")
    voucher = await house.issued(number, agreement)
    await company.link("변경승인 요청")
    await company.tick("nuri-lite (누리모델)")
    await company.fill(reason="작은 모델도 쓰려고 합니다.")
    await company.button("변경승인 요청")
    [amendment] = await house.rows("select id from amendment where agreement_id = %s", agreement)
    await office.post("operator", f"amendments/{amendment['id']}/approve")
    [agreed] = await house.rows("select products from voucher where id = %s", voucher)
    assert agreed["products"] == ["nuri-lite", "nuri-x1"]

    await company.link("API 키", "새 키 만들기")
    await company.fill(name=f"backend-{language}")
    await company.button("새 키 만들기")
    key = await company.text("#key")
    assert key in await company.text("#curl")
    await tops_up(house, company, voucher, who, language)
    await sees_what_it_used(house, company, voucher, who, language)


@both
async def test_an_operator_runs_a_round_to_a_voucher(house: Town, language: Language) -> None:
    number, who = f"operator-{language}", {"ko": "dasom", "en": "hanbit"}[language]
    operator = await house.window("operator", language, signed_in=False)
    await operator.sign_in(await with_password(house.office, "operator"))
    await announces(house, operator, number)
    asked = {"title": "상담 자동화", "plan": "상담 기록을 요약한다.", "government_krw": 3_000_000}
    application = await house.office.applied(who, {"round": f"{number}-1", **asked})

    house.later(days=2)
    await house.back_at(operator, "operator")
    await operator.link("적격 심사를 기다리는 신청", application, "적격 처리")
    await operator.button("적격 처리")
    await operator.link("점수 입력")
    await operator.fill(points__c1="85")
    await operator.button("점수 입력")
    await operator.button("평가 완료")
    await operator.link(f"{number} 1차 공모", "평가 순위")
    await operator.shows(application)
    await operator.link(f"{number} 1차 공모", "선정 확정")
    await operator.button("선정 확정")
    await operator.link(application, "협약 제시")
    await operator.button("협약 제시")
    await operator.shows("협약 대기")
    agreement = operator.page.url.rpartition("/")[2].partition("?")[0]

    await house.office.post(who, f"agreements/{agreement}/sign")
    await operator.link("할 일", "바우처를 발급할 협약", agreement, "바우처 발급")
    await operator.fill(self_deposit_krw="100만")
    await operator.button("바우처 발급")
    await operator.shows("사용 가능")
    voucher = operator.page.url.rpartition("/")[2].partition("?")[0]
    await enters_what_came_in(house, operator, who)

    assert await house.account(f"programme/{number}/budget") == -3_000_000 * WON
    assert await house.account(f"voucher/{voucher}/government") == 3_000_000 * WON
    assert await house.account(f"voucher/{voucher}/self") == 1_000_000 * WON
    log = await house.rows("select action, person from step where thing_id = %s", voucher)
    assert [(row["action"], row["person"]) for row in log] == [("issue", "operator@example.org")]


@both
async def test_an_auditor_traces_a_won_and_reconciles(
    house: Town, tmp_path: Path, language: Language
) -> None:
    number, who = f"audit-{language}", {"ko": "gaonde", "en": "hanbit"}[language]
    agreement = await house.offered(number, await house.applied(number, who))
    await house.office.post(who, f"agreements/{agreement}/sign")
    voucher = await house.issued(number, agreement, deposit_krw=1_000_000)
    ops = await house.called(who, voucher, *(f"{number}-{name}" for name in "abc"))
    auditor = await house.window("auditor", language)
    await traces_a_won(house, auditor, number, agreement, voucher)

    rows = ["request_id,input_tokens,output_tokens", f"{number}-a,12,40", f"{number}-b,12,42", "nobody,1,1"]
    statement = tmp_path / "누리 9월.csv"
    statement.write_text("\n".join(rows), "utf-8")
    await auditor.link("대사·보정", "이용 명세 올리기")
    await auditor.choose(provider="nuri", month="2026-09")
    await auditor.attach(statement, to="file")
    await auditor.button("이용 명세 올리기")
    await auditor.shows("출력 토큰이 다름", "장부에 없음", "공급기업 명세에 없음")
    run = auditor.page.url.rpartition("/")[2].partition("?")[0]
    await matches_the_books(house, run, [f"{number}-a"], {"differs": ops[1:2], "only_theirs": [None]})
    await auditor.link("보정 제안")
    await auditor.fill(reason="공급기업 명세의 출력 토큰이 맞음")
    await auditor.button("보정 제안")
    correction = auditor.page.url.rpartition("/")[2].partition("?")[0]

    before = await house.account("provider/nuri/payable")
    operator = await house.window("operator", language)
    await operator.link("승인을 기다리는 보정", correction, "보정 승인")
    await operator.button("보정 승인")
    await operator.shows(ops[1])
    # Two tokens more at 5,000.5 won a million; half a micro-won goes up, once per call.
    assert await house.account("provider/nuri/payable") - before == 2 * 5_000 + 1
    log = await house.rows("select action, role from step where thing_id = %s order by id", correction)
    assert [(row["action"], row["role"]) for row in log] == [("propose", "auditor"), ("approve", "operator")]
    await auditor.link("사업 추적", f"AI 바우처 {number}", f"{number} 1차 공모", agreement, voucher)
    await all_equal(auditor)
