"""What can be spent of a voucher is where its line ends, whatever is left of the source beside it."""

from __future__ import annotations

from tests.fakes.office_world import opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.web_world import browsing_as, some_calls

ROLLING = PROGRAMME | {"deposit_rule": "rolling"}
ASKED = APPLICATION | {"government_krw": 4_500_000, "self_cash_krw": 1_500_000}
WAITS = "예치한 자기부담금까지만 쓸 수 있습니다."


async def test_a_deposit_that_is_made_in_part_ends_the_line(books_url: str) -> None:
    """Of 1,500,000 won 1,000,000 are there, and pay a fourth part of each call."""
    async with opened(books_url) as world:
        await world.to_an_amendment(ROLLING, ROUND, ASKED)
        await some_calls(world, 1)
        path = "/operator/vouchers/gaonde-2026/do/voucher.deposit"
        async with browsing_as(world, "gaonde") as company, browsing_as(world, "operator") as operator:
            home = (await company.get("/company")).text
            assert "쓸 수 있는 금액 3,999,999.785원" in home
            assert WAITS in home
            for browser, prefix in ((company, "/company"), (operator, "/operator")):
                assert "3,999,999.785" in (await browser.get(f"{prefix}/vouchers")).text
            await operator.get(path)
            await operator.submit(path, amount_krw="50만")
            home = (await company.get("/company")).text
            assert "쓸 수 있는 금액 5,999,999.785원" in home
            assert WAITS not in home


async def test_nothing_can_be_spent_of_a_voucher_that_has_ended(books_url: str) -> None:
    async with opened(books_url) as world:
        await world.to_an_amendment(ROLLING, ROUND, ASKED)
        await world.post("operator", "vouchers/gaonde-2026/end", {"reason": "사업 포기"})
        async with browsing_as(world, "gaonde", language="en") as company:
            home = (await company.get("/company")).text
            assert "Can be spent ₩0" in home
            assert "The self share that was paid in" not in home
