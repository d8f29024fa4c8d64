"""Whole won: the worked examples, and the laws of rounding and carrying."""

from __future__ import annotations

from dataclasses import astuple
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.statements.amounts import NOTHING, Amounts, in_micro, vat_won, whole_won
from billing.statements.lines import Account, LedgerSum, LineKind, lines_of, months_folded, rests_after
from billing.statements.month import Month, NoMonth, month_named
from metering.shares import split_micro

WON = 1_000_000
OCTOBER = Month(2026, 10)
ACCOUNT = Account("p", "gaonde", "gaonde-2026", "nuri")

micro = st.integers(-(10**16), 10**16)
amounts = st.builds(Amounts, micro, micro, micro, micro)


def summed(exact_micro: Amounts, product: str = "nuri-x1", account: Account = ACCOUNT) -> LedgerSum:
    return LedgerSum(account, product, "usage", OCTOBER, 1, exact_micro)


@pytest.mark.parametrize(
    ("supply", "share", "government", "deposit", "vat", "total"),
    [
        (1_800_000, "0.7", 1_260_000, 540_000, 180_000, 1_980_000),
        (15_500_000, "0.8", 12_400_000, 3_100_000, 1_550_000, 17_050_000),
    ],
)
def test_the_worked_examples_come_out_to_the_won(
    supply: int, share: str, government: int, deposit: int, vat: int, total: int
) -> None:
    """Also where the month is hundreds of calls of fractions of a won."""
    share_ppm = int(share.replace("0.", "").ljust(6, "0"))
    places = [supply * WON * step // 701 for step in range(702)]
    exact = NOTHING
    for before, after in pairwise(places):
        exact += Amounts(*split_micro(before, after, share_ppm))
    [line] = lines_of(OCTOBER, [summed(exact)], {})
    assert (line.won.supply, line.won.government, line.won.deposit) == (supply, government, deposit)
    assert (line.vat_won, line.total_won) == (vat, total)
    assert rests_after([line]) == {}


@pytest.mark.parametrize(
    ("exact_micro", "won"),
    [
        (Amounts(700_490_000, 300_210_000), Amounts(700, 300)),
        (Amounts(600_000, 400_000), Amounts(1, 0)),  # a whole won is not split: to the larger remainder
        (Amounts(500_000, 500_000), Amounts(1, 0)),  # and among equals to the grant
        (Amounts(900_000, 90_000), Amounts(0, 0)),
        (Amounts(0, 0, 999_999, 1), Amounts(0, 0, 1, 0)),
        (Amounts(-300_000, 0), Amounts(0, 0)),  # giving back is the mirror of charging
        (Amounts(-600_000, -400_000), Amounts(-1, 0)),
        (Amounts(-WON, WON), Amounts(-1, 1)),
    ],
)
def test_fractions_are_cut_off_a_line_and_its_parts_follow(exact_micro: Amounts, won: Amounts) -> None:
    assert whole_won(exact_micro) == won


@settings(deadline=None)
@given(amounts)
def test_no_part_is_a_won_away_and_they_sum_to_the_charge(exact_micro: Amounts) -> None:
    won = whole_won(exact_micro)
    assert won.charge == abs(exact_micro.charge) // WON * (1 if exact_micro.charge >= 0 else -1)
    assert whole_won(NOTHING - exact_micro) == NOTHING - won
    assert all(abs(part) < WON for part in astuple(exact_micro - in_micro(won)))


accounts = st.sampled_from(
    [ACCOUNT, Account("p", "gaonde", "second", "nuri"), Account("q", "h", "v", "other")]
)
kinds: st.SearchStrategy[LineKind] = st.sampled_from(["usage", "correction"])
sums_of_a_month = st.lists(
    st.builds(
        LedgerSum,
        accounts,
        st.sampled_from(["a", "b"]),
        kinds,
        st.just(OCTOBER),
        st.integers(0, 99),
        amounts,
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(sums_of_a_month, min_size=1, max_size=6))
def test_nothing_is_ever_lost_over_the_months(ledger: list[list[LedgerSum]]) -> None:
    """For every account: won of all months + the rest that is carried = the ledger, to the micro-won."""
    months = [OCTOBER]
    while len(months) < len(ledger):
        months.append(months[-1].after())
    folded = months_folded(months[0], months[-1], dict(zip(months, ledger, strict=True)), {})
    booked: dict[Account, Amounts] = {}
    for sums in ledger:
        for one in sums:
            booked[one.account] = booked.get(one.account, NOTHING) + one.exact_micro
    billed: dict[Account, Amounts] = {}
    for lines in folded.values():
        for line in lines:
            billed[line.account] = billed.get(line.account, NOTHING) + in_micro(line.won)
    rests = rests_after(folded[months[-1]])
    for account in booked.keys() | billed.keys():
        rest = rests.get(account, NOTHING)
        assert billed.get(account, NOTHING) + rest == booked.get(account, NOTHING)
        lines_left = sum(line.account == account for line in folded[months[-1]])
        assert abs(rest.charge) < max(1, lines_left) * WON
    # Each month shows what it was given: its exact lines are the ledger's and the rest before.
    carried = NOTHING
    for month, sums in zip(months, ledger, strict=True):
        exact = sum((line.exact_micro for line in folded[month]), NOTHING)
        assert exact == sum((one.exact_micro for one in sums), NOTHING) + carried
        carried = sum(rests_after(folded[month]).values(), NOTHING)


def test_the_rest_is_a_line_of_the_next_month() -> None:
    november = OCTOBER.after()
    sums = {OCTOBER: [summed(Amounts(600_000)), summed(Amounts(700_000), "nuri-x2")]}
    folded = months_folded(OCTOBER, november, sums, {})
    assert [line.won.charge for line in folded[OCTOBER]] == [0, 0]
    [rest] = folded[november]
    assert (rest.kind, rest.exact_micro, rest.won) == ("rest", Amounts(1_300_000), Amounts(1))
    assert rests_after([rest]) == {ACCOUNT: Amounts(300_000)}


@pytest.mark.parametrize(("supply", "vat"), [(1_800_000, 180_000), (19, 1), (9, 0), (0, 0), (-19, -1)])
def test_vat_is_a_tenth_without_fractions(supply: int, vat: int) -> None:
    assert vat_won(supply) == vat


def test_months_are_months_in_korea() -> None:
    assert (OCTOBER.first_ms, OCTOBER.end_ms) == (1_790_780_400_000, 1_793_458_800_000)
    assert str(Month(2026, 12).after()) == "2027-01"
    assert Month(2027, 1).before() == Month(2026, 12)
    assert str(OCTOBER.last_day) == "2026-10-31"
    for text in ("2026-13", "2026-00", "26-10", "2026-1", "2026-10-01", "２０26-10", ""):
        with pytest.raises(NoMonth):
            month_named(text)
