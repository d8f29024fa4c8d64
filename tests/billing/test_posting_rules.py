"""The posting rules as tables, and their law: whatever is posted in whatever order, it has one place."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.posting_columns import Unreadable
from billing.posting_events import Charge, Left, OpenClaim, decode
from billing.posting_rules import apply_event
from billing.posting_state import BooksState, Outcome
from metering.purse import LogEntry
from metering.shares import government_micro
from tests.fakes.books_world import LANE, META, VOUCHER
from tests.fakes.posted import books_of, ended
from tests.fakes.values import replace


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    events: tuple[Charge, ...]
    loan: int  # what the call took from its loan
    free: int
    uncollected: int
    steps: int = 1
    epoch: str = "open"


CASES = [
    Case("within the loan", (ended("a", 60),), 60, 0, 0),
    Case("beyond the loan: free, then uncollected", (ended("a", 170),), 100, 50, 20),
    Case("beyond its hold: the others' holds are spared", (ended("a", 90, taken=30),), 30, 50, 10),
    Case("an epoch nobody lent in", (ended("a", 40, n=9),), 0, 40, 0),
    Case("the same again", (ended("a", 60), ended("a", 60)), 60, 0, 0),
    Case("released, then made again and charged", (ended("a", 0), ended("a", 60)), 60, 0, 0, 2),
    Case("charged, and a release that comes too late", (ended("a", 60), ended("a", 0)), 60, 0, 0),
    Case("released twice", (ended("a", 0), ended("a", 0)), 0, 0, 0),
    Case("released, then a checkpoint", (ended("a", 0), ended("a", 60, kind="swept")), 0, 0, 0),
    Case("released, then made again in another epoch", (ended("a", 0), ended("a", 30, n=9)), 0, 30, 0, 2),
    Case("charged, then made again in a younger epoch", (ended("a", 60), ended("a", 70, n=9)), 0, 50, 20, 3),
    Case("the younger epoch first", (ended("a", 70, n=9), ended("a", 60)), 0, 50, 20),
    Case(
        "charged, then made again in an epoch that ended before the call: it costs what its caller was told",
        (ended("a", 60, counted=False), ended("a", 70, n=9, counted=False)),
        0,
        50,
        20,
        3,
    ),
    Case(
        "a dead gateway's charge, then its call's, made again in the same epoch",
        (ended("a", 60, counted=False), ended("a", 70, gateway="g2", started_ms=2)),
        70,
        0,
        0,
        2,
    ),
    Case(
        "the same, told in the other order",
        (ended("a", 70, gateway="g2", started_ms=2), ended("a", 60, counted=False)),
        70,
        0,
        0,
    ),
    Case("charged, then refused when made again", (ended("a", 60), ended("a", 0, n=9)), 60, 0, 0),
    Case("charged twice: the first counts", (ended("a", 60), ended("a", 70)), 60, 0, 0),
    Case("swept after settled", (ended("a", 60), ended("a", 10, kind="swept")), 60, 0, 0),
    Case("settled after swept, more", (ended("a", 10, kind="swept"), ended("a", 60)), 60, 0, 0, 2),
    Case("settled after swept, less", (ended("a", 60, kind="swept"), ended("a", 10)), 10, 0, 0, 2),
    Case(
        "less, what was uncollected goes first",
        (ended("a", 170, kind="swept"), ended("a", 120)),
        100,
        20,
        0,
        2,
    ),
    Case("less, then free, then the loan", (ended("a", 170, kind="swept"), ended("a", 30)), 30, 0, 0, 2),
    Case(
        "a closed loan gives back to free",
        (ended("a", 60, kind="swept"), ended("a", 10)),
        10,
        0,
        0,
        2,
        "closed",
    ),
    Case(
        "swept, and a journal knows a later checkpoint",
        (ended("a", 10, kind="swept"), ended("a", 60, kind="swept")),
        60,
        0,
        0,
        2,
    ),
    Case(
        "the journal's later checkpoint first",
        (ended("a", 60, kind="swept"), ended("a", 10, kind="swept")),
        60,
        0,
        0,
    ),
    Case(
        "made again in another epoch, after a sweep at nothing",
        (ended("a", 0, kind="swept"), ended("a", 30, n=9)),
        0,
        30,
        0,
        2,
    ),
    Case(
        "made again in another epoch, after a sweep at 60",
        (ended("a", 60, kind="swept"), ended("a", 30, n=9)),
        0,
        30,
        0,
        3,
    ),
    Case(
        "made again in another epoch to no avail, after a sweep at 60: what was given stays charged",
        (ended("a", 60, kind="swept"), ended("a", 0, n=9)),
        60,
        0,
        0,
    ),
    Case(
        "made again in the same epoch to no avail, after a sweep at 60: so does it here",
        (ended("a", 60, kind="swept"), ended("a", 0, gateway="g2")),
        60,
        0,
        0,
    ),
    Case(
        "swept at 60, and its own gateway says later that it gave nothing",
        (ended("a", 60, kind="swept"), ended("a", 0)),
        0,
        0,
        0,
        2,
    ),
    Case(
        "made again elsewhere, the swept epoch closed: what it gives back pays",
        (ended("a", 60, kind="swept"), ended("a", 120, n=9)),
        0,
        110,
        10,
        3,
        "closed",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_where_a_charge_comes_from(case: Case) -> None:
    books, out = books_of(free=50, lent={1: (100, case.epoch)}), Outcome()
    for event in case.events:
        apply_event(books, out, event)
    now = books.booked["a"]
    assert (now.from_loan_micro, now.from_free_micro, now.uncollected_micro) == (
        case.loan,
        case.free,
        case.uncollected,
    )
    assert len(out.rows) == case.steps
    _assert_sound(books, out, capacity=150)


def _assert_sound(books: BooksState, out: Outcome, *, capacity: int) -> None:
    funds = books.funds[VOUCHER]
    loans = books.loans.values()
    assert funds.free_micro >= 0
    for loan in loans:
        assert loan.posted_micro >= 0
        assert loan.room_micro >= 0
    assert (
        funds.free_micro + sum(x.lent_micro - x.returned_micro for x in loans) + funds.direct_micro
        == capacity
    )
    assert funds.charged_micro == funds.direct_micro + sum(x.posted_micro for x in loans)
    booked = books.booked.values()
    assert sum(b.government_micro for b in booked) == government_micro(funds.charged_micro, funds.share_ppm)
    assert sum(b.government_micro + b.self_micro for b in booked) == funds.charged_micro
    for b in booked:
        assert b.government_micro + b.self_micro + b.uncollected_micro == b.charge_micro
        assert b.from_loan_micro + b.from_free_micro == b.government_micro + b.self_micro
    payable = 0
    for entry in out.entries():
        for posting in entry.postings if entry else ():
            payable += posting.amount_micro if posting.account == "provider/nuri/payable" else 0
    assert payable == sum(b.charge_micro for b in booked)


@settings(max_examples=300, deadline=None)
@given(
    share_ppm=st.integers(0, 1_000_000),
    free=st.integers(0, 200),
    epochs=st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(["open", "closing", "closed"])), max_size=3
    ),
    events=st.lists(
        st.tuples(
            st.sampled_from("abcde"),
            st.integers(1, 4),
            st.integers(0, 150),
            st.sampled_from(["settled", "swept"]),
            st.none() | st.integers(0, 100),
        ),
        max_size=30,
    ),
)
def test_every_micro_won_has_one_place(
    share_ppm: int,
    free: int,
    epochs: list[tuple[int, str]],
    events: list[tuple[str, int, int, str, int | None]],
) -> None:
    lent = {n: given_ for n, given_ in enumerate(epochs, start=1)}
    books = books_of(free=free, lent=lent, share_ppm=share_ppm)
    for loan in books.loans.values():
        if loan.epoch == "closed":  # closed means that all of it was posted or returned
            loan.returned_micro = loan.lent_micro
    capacity = free + sum(amount for amount, epoch in epochs if epoch != "closed")
    out = Outcome()
    for op, n, charge, kind, taken in events:
        apply_event(books, out, ended(op, charge, n=n, kind=kind, taken=taken))
    _assert_sound(books, out, capacity=capacity)


@dataclass(frozen=True, slots=True)
class ClaimCase:
    name: str
    booked: tuple[Charge, ...]  # before the gateway left epoch 2 with a hold open in it
    is_kept: bool


@pytest.mark.parametrize(
    "case",
    [
        ClaimCase("nothing", (), True),
        ClaimCase("an earlier try, swept", (ended("a", 10, kind="swept"),), True),
        ClaimCase("an earlier try, released", (ended("a", 0),), True),
        ClaimCase("an earlier try, charged by a journal", (ended("a", 10),), True),
        ClaimCase("swept here at nothing, and made anew", (ended("a", 0, n=2, kind="swept"),), True),
        ClaimCase("swept here", (ended("a", 10, n=2, kind="swept"),), False),
        ClaimCase("its end", (ended("a", 10, n=2),), False),
        ClaimCase("its end at nothing", (ended("a", 0, n=2),), False),
    ],
    ids=lambda case: case.name,
)
def test_a_hold_that_is_still_open_claims_its_money(case: ClaimCase) -> None:
    """Else the epoch gives it back, others spend it, and the call's charge cannot be collected."""
    books, out = books_of(free=0, lent={1: (100, "closed"), 2: (100, "closing")}), Outcome()
    for event in case.booked:
        apply_event(books, out, event)
    claim = OpenClaim("a", LANE, 2, "g1", VOUCHER, 60)
    apply_event(books, out, Left("left:g1", LANE, 2, "g1", (), (), (claim,)))
    assert ("a" in out.claims) is case.is_kept
    apply_event(books, out, ended("a", 7, n=1, kind="swept"))
    assert ("a" in out.claims) is case.is_kept, "the end of another try does not end it"
    apply_event(books, out, ended("a", 5, n=2))
    assert out.claims == {}, "its own end does, also where the books keep what they had"


def test_a_journals_checkpoint_is_a_sweep_that_is_acknowledged() -> None:
    """The sweeper's is not: its gateway may still tell what the call cost. A journal waits for an answer."""
    books, out = books_of(free=50, lent={1: (100, "open")}), Outcome()
    apply_event(books, out, ended("a", 10, kind="swept"))
    assert out.acks == {}
    floor = replace(ended("a", 60, kind="swept"), is_floor=True)
    apply_event(books, out, floor)
    apply_event(books, out, floor)
    assert out.acks == {LANE: {"g1": ["a", "a"]}}
    assert books.booked["a"].charge_micro == 60


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"charge_micro": "5"}, "Expected `int`, got `str` - at `\\$.charge_micro`"),
        ({"charge_micro": 2**53}, "<= 9007199254740991 - at `\\$.charge_micro`"),
        ({"charge_micro": True}, "got `bool`"),
        ({"status": "open"}, "at `\\$.status`"),
        ({"status": "released"}, "status 'released' with a charge of 5"),
        ({"voucher": ""}, "length >= 1 - at `\\$.voucher`"),
        ({"tokens": {"input": -1}}, ">= 0 - at `\\$.tokens.input`"),
        ({"tokens": {"input": "1"}}, "got `str` - at `\\$.tokens.input`"),
        ({"tokens": {"input": 10**16}}, "<= 1000000000000000"),
        ({"finished_ms": None}, "got `null` - at `\\$.finished_ms`"),
        ({"n": 2}, "another call or epoch"),
        ({"error": 5}, "Expected `str \\| null`"),
        ({"meta": {"op": "a"}}, "missing required field `request_id`"),
    ],
)
def test_an_event_that_cannot_be_read_says_why(change: dict[str, object], reason: str) -> None:
    event = {
        "n": 1,
        "voucher": VOUCHER,
        "held_at_ms": 1,
        "finished_ms": 2,
        "status": "settled",
        "end_reason": "completed",
        "charge_micro": 5,
        "client_gone": False,
        "estimated": False,
        "error": None,
        "tokens": {},
        "units": {},
        "upstream": None,
        "upstream_request_id": None,
        "meta": orjson.loads(replace(META, op="a").to_bytes()),
    }
    floor = decode(
        LogEntry("1-1", "settled", "a", 1, {"e": orjson.dumps(event | {"is_floor": True})}), lane=LANE
    )
    assert isinstance(floor, Charge)
    assert (floor.kind, floor.is_floor) == ("swept", True)
    decode(LogEntry("1-1", "settled", "a", 1, {"e": orjson.dumps(event)}), lane=LANE)
    with pytest.raises(Unreadable, match=reason):
        decode(LogEntry("1-1", "settled", "a", 1, {"e": orjson.dumps(event | change)}), lane=LANE)


@pytest.mark.parametrize(
    ("counted", "beyond"),
    [((True, False), 50), ((False, True), 0), ((False, False), 60), ((True,), 0)],
    ids=["swept, then late", "a dead gateway's checkpoint, then the end", "both late", "the end alone"],
)
def test_the_limit_goes_by_what_the_purse_counted(counted: tuple[bool, ...], beyond: int) -> None:
    """Where a call is made again, the checkpoint of its first gateway comes by an heir, not the purse."""
    books = books_of(free=0, lent={1: (100, "open")})
    told = [ended("a", 10, kind="swept"), ended("a", 60)][-len(counted) :]
    for event, is_counted in zip(told, counted, strict=True):
        apply_event(books, Outcome(), replace(event, counted=is_counted))
    assert books.loans[LANE, 1, VOUCHER].beyond_micro == beyond
