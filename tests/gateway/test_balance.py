"""GET /v1/voucher's figures add up per source, in every state of the purse and without it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.balance import BookedVoucher, company_json, voucher_json
from metering.money import MICRO_PER_WON, parse_krw
from metering.purse import VoucherBalance
from metering.shares import capacity, government_micro
from tests.fakes.values import replace

WON = MICRO_PER_WON
BOOKED = BookedVoucher(
    voucher_id="v1",
    programme_id="p1",
    state="active",
    ends_on="2026-10-31",
    share_ppm=750_000,
    government_granted_micro=75 * WON,
    self_granted_micro=25 * WON,
    spent_micro=20 * WON,
    frozen_micro=8 * WON,
)
PURSE = VoucherBalance(
    version=1,
    limit_micro=60 * WON,
    spent_micro=30 * WON,
    held_micro=10 * WON,
    before_micro=10 * WON,
    frozen_micro=2 * WON,
    granted_government_micro=150 * WON,
    granted_self_micro=50 * WON,
)


def figures(source: dict[str, str]) -> str:
    names = ("granted", "spent", "held", "available", "returned")
    return " ".join(source[f"{name}_krw"] for name in names)


def test_without_the_purse_the_books_speak() -> None:
    shown = voucher_json(BOOKED, None)
    assert (shown["id"], shown["programme"], shown["state"]) == ("v1", "p1", "active")
    assert figures(shown["government"]) == "75 15 6 54 0"
    assert figures(shown["self"]) == "25 5 2 18 0"


def test_with_the_purse_all_figures_are_its_own() -> None:
    shown = voucher_json(BOOKED, PURSE)
    assert figures(shown["government"]) == "150 30 9 111 0"
    assert figures(shown["self"]) == "50 10 3 37 0"


def test_what_was_returned_is_not_available() -> None:
    ended = replace(BOOKED, government_returned_micro=54 * WON, self_returned_micro=18 * WON, state="ended")
    assert figures(voucher_json(ended, None)["government"]) == "75 15 6 0 54"


def test_a_company_has_its_vouchers_and_own_money_where_it_opted_in() -> None:
    voucher = voucher_json(BOOKED, None)
    shown = company_json("gaonde", [voucher])
    assert (shown["company"], len(shown["vouchers"])) == ("gaonde", 1)
    assert set(shown["own"].values()) == {"0"}
    fund = replace(BOOKED, programme_id="_own", share_ppm=0, government_granted_micro=0, spent_micro=9 * WON)
    shown = company_json("gaonde", [voucher, voucher_json(fund, None)])
    assert shown["vouchers"] == [voucher]
    assert shown["own"] == {
        "deposited_krw": "25",
        "spent_krw": "9",
        "held_krw": "8",
        "available_krw": "8",
    }


@st.composite
def lines(draw: st.DrawFn) -> tuple[BookedVoucher, VoucherBalance | None]:
    """A voucher and how far it is used, never beyond its capacity."""
    share_ppm = draw(st.integers(0, 1_000_000))
    grant, deposit = draw(st.integers(0, 10**12)), draw(st.integers(0, 10**12))
    total = capacity(grant_micro=grant, deposit_micro=deposit, share_ppm=share_ppm).total_micro
    spent = draw(st.integers(0, total))
    held = draw(st.integers(0, total - spent))
    government = government_micro(spent + held, share_ppm)
    returned = (
        draw(st.integers(0, grant - government)),
        draw(st.integers(0, deposit - (spent + held - government))),
    )
    booked = BookedVoucher(
        "v", "p", "active", "2026-10-31", share_ppm, grant, deposit, spent, held, *returned
    )
    if draw(st.booleans()):
        return booked, None
    before, frozen = draw(st.integers(0, spent)), draw(st.integers(0, held))
    balance = VoucherBalance(
        version=1,
        limit_micro=total - before - frozen,
        spent_micro=spent - before,
        held_micro=held - frozen,
        before_micro=before,
        frozen_micro=frozen,
        granted_government_micro=grant,
        granted_self_micro=deposit,
    )
    return replace(booked, spent_micro=0, frozen_micro=0), balance


@given(lines())
def test_every_source_adds_up_and_none_is_below_nothing(
    line: tuple[BookedVoucher, VoucherBalance | None],
) -> None:
    booked, balance = line
    shown: dict[str, Any] = voucher_json(booked, balance)
    for source, granted in (
        ("government", booked.government_granted_micro),
        ("self", booked.self_granted_micro),
    ):
        micro = {name: parse_krw(amount) for name, amount in shown[source].items()}
        assert micro["granted_krw"] == granted
        assert all(amount >= 0 for amount in micro.values()), micro
        assert granted == sum(amount for name, amount in micro.items() if name != "granted_krw")
