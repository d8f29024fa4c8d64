"""What a call's page says of its end, of who paid, and of its entries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from tests.fakes.books_world import WON
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.web_world import browsing_as, ended


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde with a voucher."""
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        yield world


async def test_a_released_call_waits_for_no_entry(world: OfficeWorld) -> None:
    [released, settled] = await ended(world, {"charge_micro": 0}, {"charge_micro": 215_000})
    for language, said in (("ko", "차감 없음, 전표 없음"), ("en", "Nothing charged, no entry")):
        async with browsing_as(world, "operator", language=language) as browser:
            assert said in (await browser.get(f"/operator/calls/{released}")).text
            assert said not in (await browser.get(f"/operator/calls/{settled}")).text


async def test_every_part_of_a_charge_is_named(world: OfficeWorld) -> None:
    """The voucher has 4,000,000 won; nobody pays the last million."""
    [plain, beyond] = await ended(world, {"charge_micro": 4 * WON}, {"charge_micro": 5_000_000 * WON})
    async with browsing_as(world, "operator") as browser:
        seen = (await browser.get(f"/operator/calls/{plain}")).text
        assert "이 호출의 금액: 4원 (정부지원금 3원, 자기부담금 1원)" in seen
        seen = (await browser.get(f"/operator/calls/{beyond}")).text
        parts = "정부지원금 2,999,997원, 자기부담금 999,999원, 미징수액 1,000,004원"
        assert f"이 호출의 금액: 5,000,000원 ({parts})" in seen


async def test_own_money_is_no_self_share(world: OfficeWorld) -> None:
    paid_in = {"id": "KB-1", "amount_krw": 9_000, "paid_on": "2026-03-24"}
    await world.post("operator", "bank_lines", paid_in)
    await world.post("operator", "bank_lines/KB-1/match", {"company": "gaonde"})
    await world.post("gaonde", "own_funds", {"limit_krw": 9_000})
    [call] = await ended(world, {"charge_micro": 4 * WON}, voucher="_own.gaonde")
    async with browsing_as(world, "operator") as browser:
        seen = (await browser.get(f"/operator/calls/{call}")).text
        assert "이 호출의 금액: 4원 (자체 부담금 4원)" in seen
    async with browsing_as(world, "auditor", language="en") as browser:
        seen = (await browser.get(f"/audit/calls/{call}")).text
        assert "This call's part: ₩4 (Own money ₩4)" in seen


FAILED: Final = {"charge_micro": 0, "end_reason": "upstream_error", "error": "upstream_error"}
LEFT: Final = {"charge_micro": 0, "end_reason": "client_gone", "error": "upstream_timeout"}
ODD: Final = {"charge_micro": 0, "end_reason": "upstream_error", "error": "internal_error"}


async def test_a_call_s_end_is_said_in_words_and_once(world: OfficeWorld) -> None:
    """An error has a line where it is another word than the end; a code of which we have no word stays."""
    ops = await ended(world, FAILED, LEFT, ODD, {"charge_micro": 1})
    said = {
        "ko": (
            "종료 사유 공급기업 오류 추정 아니요 토큰",
            "종료 사유 호출한 쪽에서 연결을 끊음 추정 아니요 오류 공급기업 응답 시간 초과 토큰",
            "종료 사유 공급기업 오류 추정 아니요 오류 internal_error 토큰",
            "종료 사유 정상 완료 추정 아니요 토큰",
        ),
        "en": (
            "End The provider failed Estimated no Tokens",
            "End The client left Estimated no Error The provider took too long Tokens",
            "End The provider failed Estimated no Error internal_error Tokens",
            "End Completed Estimated no Tokens",
        ),
    }
    for language, wanted in said.items():
        async with browsing_as(world, "gaonde", language=language) as browser:
            for op, words in zip(ops, wanted, strict=True):
                assert words in (await browser.get(f"/company/usage/{op}")).text


async def test_inside_the_agency_a_call_says_whose_it_is(world: OfficeWorld) -> None:
    [call] = await ended(world, {"charge_micro": WON})
    for who, prefix in (("operator", "/operator"), ("auditor", "/audit")):
        async with browsing_as(world, who) as browser:
            for path in ("/calls", f"/calls/{call}", "/vouchers/gaonde-2026"):
                seen = await browser.get(f"{prefix}{path}")
                assert f'<a href="{prefix}/companies/gaonde">가온데이터</a>' in seen.html, path
    async with browsing_as(world, "gaonde") as browser:
        for path in ("/company/usage", f"/company/usage/{call}"):
            assert "/companies/" not in (await browser.get(path)).html
