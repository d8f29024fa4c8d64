"""What an approved correction does to a voucher's money, and what may no longer happen to the call."""

from __future__ import annotations

import pytest

from billing.posting_columns import Unreadable
from billing.posting_events import Charge
from billing.posting_rules import apply_correction, apply_event
from billing.posting_state import Booked, BooksState, FundsState, LoanState, Outcome

LANE, N = 3, 7


def books(
    *, free: int, from_loan: int = 0, from_free: int = 0, uncollected: int = 0, kind: str = "settled"
) -> BooksState:
    """A voucher at one half, with one call booked, and a loan of 1,000 of which other calls hold the rest."""
    collected = from_loan + from_free
    government = collected // 2
    booked = Booked(
        0,
        kind,
        "v",
        N,
        collected + uncollected,
        government,
        collected - government,
        uncollected,
        from_loan,
        from_free,
        "g",
        0,
    )
    return BooksState(
        funds={"v": FundsState("v", "c", "p", 500_000, free, collected, from_free)},
        loans={(LANE, N, "v"): LoanState(LANE, N, "v", 1_000, from_loan, 0, 0, "open")},
        epochs={},
        booked={"op": booked},
        claimed={},
        gone=set(),
        uncounted=set(),
    )


def charge(micro: int, *, kind: str = "correction", n: int = N) -> Charge:
    taken = 0 if kind == "correction" else None
    return Charge(
        kind, "op", "op", LANE, n, "v", "v", "c", "s", "g", "c/k", 0, 20_000, micro, taken, taken is None, ""
    )


@pytest.mark.parametrize(
    ("before", "after", "from_loan", "from_free", "uncollected", "free"),
    [
        # more: from what is free, never from what the loan's other calls hold; the rest is uncollected
        (books(free=50, from_loan=100), 130, 100, 30, 0, 20),
        (books(free=50, from_loan=100), 200, 100, 50, 50, 0),
        # less: what was uncollected first, then what was free, then the loan's
        (books(free=0, from_loan=100, from_free=20, uncollected=5), 118, 100, 18, 0, 2),
        (books(free=0, from_loan=100, from_free=20), 70, 70, 0, 0, 20),
        (books(free=9, from_loan=100), 0, 0, 0, 0, 9),
    ],
)
def test_where_a_difference_goes(
    before: BooksState, after: int, from_loan: int, from_free: int, uncollected: int, free: int
) -> None:
    out = Outcome()
    apply_correction(before, out, charge(after))
    booked = before.booked["op"]
    assert (
        booked.charge_micro,
        booked.from_loan_micro,
        booked.from_free_micro,
        booked.uncollected_micro,
    ) == (
        after,
        from_loan,
        from_free,
        uncollected,
    )
    assert before.funds["v"].free_micro == free
    assert booked.government_micro == (from_loan + from_free) // 2
    [entry] = out.entries()
    assert entry is not None
    assert entry.kind == "correction"
    assert out.rows[0].now.step == 1


def test_the_purse_is_told_of_what_its_loan_got_back() -> None:
    before = books(free=0, from_loan=100)
    out = Outcome()
    apply_correction(before, out, charge(40))
    assert before.loans[LANE, N, "v"].beyond_micro == -60
    assert out.restate == {"v"}


@pytest.mark.parametrize("kind", ["correction", "true_up"])
def test_what_a_gateway_tells_after_it_changes_nothing(kind: str) -> None:
    """Also of a call that was corrected to nothing, which a settlement would charge anew."""
    corrected = books(free=50, kind=kind)
    for told in ("settled", "swept"):
        out = Outcome()
        apply_event(corrected, out, charge(100, kind=told))
        assert (out.rows, corrected.booked["op"].charge_micro) == ([], 0)


def test_a_call_booked_elsewhere_is_not_corrected() -> None:
    with pytest.raises(Unreadable):
        apply_correction(books(free=50, from_loan=100), Outcome(), charge(1, n=N + 1))
