"""What a month owes each provider, and what follows from a rail's words: pure, and laws of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.ledger import payable_rules
from billing.ledger.journal import Entry
from billing.payables.bank_file import BadResults, BankFile, account_number, is_holder, read_results, written
from billing.payables.facts import Word, dues, state_of
from billing.payables.owed import HOLDBACK_BASIS_POINTS_MAX, owed_of
from billing.payables.port import Destination, Outgoing
from billing.statements.amounts import Amounts, in_micro
from billing.statements.lines import Account, Line
from billing.statements.month import Month

MONTH = Month(2026, 9)
WORDS: tuple[Word, ...] = ("sent", "paid", "returned")


def line(
    won: int, *, programme: str = "p", provider: str = "nuri", uncollected: int = 0, rest: int = 0
) -> Line:
    amounts = Amounts(government=won, uncollected=uncollected)
    account = Account(programme, "gaonde", "v", provider)
    exact = in_micro(amounts) + Amounts(government=rest)
    return Line(MONTH, account, "nuri-x1", "usage", MONTH, 1, exact, amounts)


@pytest.mark.parametrize(
    ("lines", "basis_points", "carried", "owed"),
    [
        ([line(1_800_000)], {}, 0, (1_800_000, 0, 0, 1_800_000)),
        ([line(1_800_000)], {"p": 1_000}, 0, (1_800_000, 0, 180_000, 1_620_000)),
        ([line(999)], {"p": 50}, 0, (999, 0, 4, 995)),  # the won that is begun is paid
        ([line(999)], {"other": 1_000}, 0, (999, 0, 0, 999)),
        ([line(1_000), line(500, programme="q")], {"p": 1_000, "q": 2_000}, 0, (1_500, 0, 200, 1_300)),
        ([line(1_000)], {"p": 1_000}, -400, (1_000, -400, 60, 540)),  # in proportion to what is left
        ([line(1_000), line(-400, programme="q")], {"p": 1_000, "q": 5_000}, 0, (600, 0, 60, 540)),
        ([line(-5)], {"p": 5_000}, 0, (-5, 0, 0, -5)),
        ([line(100)], {"p": 5_000}, -100, (100, -100, 0, 0)),
        ([line(100, uncollected=30, rest=7)], {}, 0, (100, 0, 0, 100)),  # what nobody pays is paid to nobody
    ],
)
def test_what_a_month_owes(
    lines: list[Line], basis_points: dict[str, int], carried: int, owed: tuple[int, ...]
) -> None:
    [found] = owed_of(lines, basis_points=basis_points, carried_won={"nuri": carried})
    assert (found.lines_won, found.carried_won, found.holdback_won, found.amount_won) == owed
    assert found.is_carried == (found.amount_won <= 0)


def test_each_provider_has_its_own() -> None:
    lines = [line(5, rest=3), line(7, provider="other"), line(2, uncollected=1, rest=4)]
    found = owed_of(lines, basis_points={}, carried_won={"third": -9})
    assert [(one.provider_id, one.amount_won, one.uncollected_won, one.rest_micro) for one in found] == [
        ("nuri", 7, 1, 7),
        ("other", 7, 0, 0),
    ]


_WON = st.integers(-(10**12), 10**12)


@given(
    st.lists(st.tuples(_WON, st.sampled_from("pq")), min_size=1, max_size=6),
    st.dictionaries(st.sampled_from("pq"), st.integers(0, HOLDBACK_BASIS_POINTS_MAX)),
    st.integers(-(10**12), 0),
)
def test_never_more_is_withheld_than_half_of_what_is_owed(
    lines: list[tuple[int, str]], basis_points: dict[str, int], carried: int
) -> None:
    made = [line(won, programme=programme) for won, programme in lines]
    [owed] = owed_of(made, basis_points=basis_points, carried_won={"nuri": carried})
    total = owed.lines_won + owed.carried_won
    assert 0 <= 2 * owed.holdback_won <= max(0, total)
    assert owed.is_carried == (total <= 0)  # so nothing that is due is nothing


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ({"sent"}, "in_payment"),
        ({"sent", "paid"}, "paid"),
        ({"sent", "returned"}, "failed"),
        ({"sent", "paid", "returned"}, "failed"),
    ],
)
def test_a_payment_s_state_is_that_of_its_facts(words: set[Word], state: str) -> None:
    assert state_of(words) == state


@pytest.mark.parametrize("order", list(permutations(WORDS[1:])), ids=" then ".join)
def test_whatever_comes_first_the_same_is_booked_once(order: tuple[Word, ...]) -> None:
    """And what was paid and came back is where it was before."""
    balances: Counter[str] = Counter()
    booked: set[str] = set()
    known: set[Word] = {"sent"}
    for word in ("sent", *order, *order):
        known.add(word)
        for due in dues("po-1", known, 1_000, {}):
            if due.key not in booked:
                booked.add(due.key)
                amount = due.sign * due.won
                if due.kind == "payout":
                    entry = payable_rules.payout("nuri", amount_micro=amount)
                else:
                    entry = payable_rules.paid_out("nuri", "bank", amount_micro=amount)
                balances.update({leg.account: leg.amount_micro for leg in entry.postings})
    assert booked == {"po-1/sent", "po-1/paid", "po-1/paid/back", "po-1/sent/back"}
    assert set(balances.values()) == {0}


@pytest.mark.parametrize("order", list(permutations(["paid", "trr_1", "trr_2"])), ids=" then ".join)
def test_parts_that_come_back_are_booked_once_in_any_order(order: tuple[str, ...]) -> None:
    parts = {"trr_1": 300, "trr_2": 500}
    known: set[Word] = {"sent"}
    there: dict[str, int] = {}
    booked: dict[str, int] = {}
    for one in (*order, *order):
        if one == "paid":
            known.add("paid")
        else:
            there[one] = parts[one]
        for due in dues("po-1", known, 1_000, there):
            booked.setdefault(due.key, due.sign * due.won)
    assert {"po-1/sent": 1_000, "po-1/paid": 1_000} | {
        f"po-1/{what}/back/{ref}": -won for ref, won in parts.items() for what in ("paid", "sent")
    } == booked


@given(st.integers(-(10**15), 10**15))
def test_every_rule_balances_and_its_mirror_takes_it_back(amount: int) -> None:
    rules: tuple[Callable[[int], Entry], ...] = (
        lambda micro: payable_rules.holdback("nuri", amount_micro=micro),
        lambda micro: payable_rules.payout("nuri", amount_micro=micro),
        lambda micro: payable_rules.paid_out("nuri", "bank", amount_micro=micro),
    )
    for rule in rules:
        there, back = rule(amount), rule(-amount)
        assert sum(leg.amount_micro for leg in there.postings) == 0
        assert there.provider_id == "nuri"
        assert {leg.account: -leg.amount_micro for leg in back.postings} == {
            leg.account: leg.amount_micro for leg in there.postings
        }


HEAD = "payout,amount_won,result,reason\n"


@pytest.mark.parametrize(
    ("text", "line_number", "column"),
    [
        ("", 1, None),
        (HEAD, 1, None),
        ("payout,amount_won,result\npo-000001,1,paid\n", 1, "reason"),
        ("payout,payout,amount_won,result,reason\n", 1, "payout"),
        (HEAD + "po-1,1,paid,\n", 2, "payout"),
        (HEAD + "po-000001' or 1=1,1,paid,\n", 2, "payout"),
        (HEAD + "po-000001,-1,paid,\n", 2, "amount_won"),
        (HEAD + 'po-000001,"1,000",paid,\n', 2, "amount_won"),
        (HEAD + "po-000001,1e3,paid,\n", 2, "amount_won"),
        (HEAD + "po-000001,١,paid,\n", 2, "amount_won"),
        (HEAD + "po-000001,1,ok,\n", 2, "result"),
        (HEAD + "po-000001,1,returned,\n", 2, "reason"),
        (HEAD + "po-000001,1,returned,\x1b[2J\n", 2, "reason"),
        (HEAD + f"po-000001,1,returned,{'x' * 201}\n", 2, "reason"),
        (HEAD + "po-000001,1,paid\n", 2, None),
        (HEAD + "po-000001,1,paid,\n\npo-000001,1,paid,\n", 4, "payout"),
        (HEAD + 'po-000001,1,"paid', 2, None),
        (HEAD + "po-000001,1,paid,\0\n", 1, None),
        (HEAD + "\n" * 300_000, 1, None),
        (HEAD + "".join(f"po-{n:06d},1,paid,\n" for n in range(1_001)), 1_002, None),
    ],
)
def test_bad_result_lines_name_their_place(text: str, line_number: int, column: str | None) -> None:
    with pytest.raises(BadResults) as bad:
        read_results(text)
    assert (bad.value.line, bad.value.column) == (line_number, column)


@given(st.text(alphabet=st.sampled_from('po-0123456789,"\n\r paidreturned가\0'), max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadResults):
        assert read_results(HEAD + text)


async def test_the_same_payments_give_the_same_bytes() -> None:
    to = Destination("0012345678", "누리모델(주)", "088")
    outgoing = [Outgoing("po-000001", 1_800_000, "2026-09 py-000001", to)]
    file = BankFile()
    assert await file.send(outgoing) == ()
    assert file.content == written(outgoing)
    assert file.content.splitlines()[1] == "088,0012345678,누리모델(주),1800000,2026-09 py-000001,po-000001"
    results = read_results("\ufeffPayout, Amount_won ,result,reason\npo-000001,1800000,반송,예금주 불일치\n")
    [told] = await BankFile(results=results).look(["po-000001"])
    assert (told.word, told.reason) == ("returned", "예금주 불일치")
    assert await BankFile(results=results).look(["po-000002"]) == ()


@pytest.mark.parametrize(
    ("text", "digits"),
    [("110-123-456789", "110123456789"), (" 1234567", "1234567"), ("123456", None), ("=1234567", None),
     ("1" * 17, None), ("١٢٣٤٥٦٧", None), ("", None)],
)  # fmt: skip
def test_account_numbers(text: str, digits: str | None) -> None:
    assert account_number(text) == digits


@pytest.mark.parametrize(
    "name", ["", " 누리", "=1+1", "+누리", "-누리", "@누리", "누리\n", "누리\t", "x" * 41, '"누리"']
)
def test_what_is_no_holder(name: str) -> None:
    assert not is_holder(name)
    assert is_holder("(주)누리모델 A&B-1")
