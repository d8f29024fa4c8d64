"""The safeguards of an epoch, as conversations with both purses: each that is missing loses or makes money.

The reasons are in docs/concepts/money-protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from metering import keys
from metering.purse import Gone, Late, NoLoan, OtherEpoch, Reserved, Settled, Vacant
from tests.fakes.purse_talk import LANE, VOUCHER, PurseTalk

LOSSES: dict[str, Callable[[PurseTalk], None]] = {
    "restart": lambda talk: talk.two.restart(),
    "flush": lambda talk: talk.two.flush(),
    "stale restore": lambda talk: talk.two.restore(talk.two.snapshot()),
}
losses = pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES.keys())


@losses
def test_a_data_set_that_lost_its_identity_is_vacant(
    talk: PurseTalk, lose: Callable[[PurseTalk], None]
) -> None:
    talk.begin(1, limit=100)
    assert isinstance(talk.reserve(1, "a", 10), Reserved)
    lose(talk)
    assert talk.reserve(1, "b", 10) == Vacant()
    assert talk.extend(1, "a", 20) == Gone()
    assert talk.lend(1, version=2, limit=200) == Vacant()
    assert talk.recall(1, version=3, target=0) == Vacant()
    assert talk.balance(1) is None


@losses
def test_after_a_loss_an_old_epoch_is_never_seeded_again(
    talk: PurseTalk, lose: Callable[[PurseTalk], None]
) -> None:
    """The first loan, sent once, arrives a second time: in the vacant data set, and in the next epoch."""
    talk.begin(1, limit=100)
    lose(talk)
    assert talk.lend(1, limit=100) == Vacant()
    talk.begin(2)
    assert talk.lend(1, limit=100) == OtherEpoch(2)
    assert talk.reserve(2, "a", 10) == NoLoan(VOUCHER)


@losses
def test_a_late_settlement_touches_no_balance_of_the_new_epoch(
    talk: PurseTalk, lose: Callable[[PurseTalk], None]
) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    lose(talk)
    talk.begin(2, limit=60)
    assert isinstance(talk.reserve(2, "b", 50), Reserved)
    assert isinstance(talk.settle(1, "a", 30), Late)
    assert talk.balance(2) == (60, 0, 50)
    assert talk.log()[-1] == ("settled", "a", 1), "the books learn of it all the same, under its own epoch"


def test_a_late_settlement_is_told_once(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.two.restart()
    first = talk.settle(1, "a", 30)
    assert isinstance(first, Late)
    assert talk.settle(1, "a", 30) == first
    assert talk.log() == [("opened", "", 1), ("settled", "a", 1)]


def test_the_same_loan_again_gives_nothing_back(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.settle(1, "a", 40)
    assert talk.lend(1, limit=100) is True
    assert talk.balance(1) == (100, 40, 0)


def test_a_limit_is_a_total_under_a_version(talk: PurseTalk) -> None:
    """Sent twice, or overtaken by a later one, it is the same money."""
    talk.begin(1, limit=100)
    assert talk.lend(1, version=2, limit=150) is True
    assert talk.lend(1, version=2, limit=150) is True
    assert talk.balance(1) == (150, 0, 0)
    assert talk.lend(1, version=4, limit=300) is True
    assert talk.lend(1, version=3, limit=200) is True
    assert talk.balance(1) == (300, 0, 0)


def test_a_later_version_cannot_seed_what_is_missing(talk: PurseTalk) -> None:
    """Epoch 2's first loan was never sent: version 2 alone would forget what version 1 may have paid for."""
    talk.begin(2)
    assert talk.lend(2, version=2, limit=100) is False
    assert talk.reserve(2, "a", 10) == NoLoan(VOUCHER)


def test_a_lower_total_never_takes_what_is_held(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 30)
    talk.settle(1, "a", 10)
    talk.reserve(1, "b", 40)
    assert talk.lend(1, version=2, limit=20) is True
    assert talk.balance(1) == (50, 10, 40)
    assert isinstance(talk.settle(1, "b", 40), Settled)
    assert talk.balance(1) == (50, 50, 0)


def test_a_recall_takes_only_what_is_free(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 30)
    assert talk.recall(1, version=2, target=0) == 30
    assert talk.recall(1, version=2, target=0) == 30, "asked again, it says the same"
    talk.settle(1, "a", 10)
    assert talk.recall(1, version=2, target=0) == 30, "the books know the first answer"
    assert talk.recall(1, version=1, target=0) is None
    assert talk.lend(1, version=2, limit=100) is True
    assert talk.balance(1) == (30, 10, 0), "a loan that was overtaken by the recall does nothing"


def test_no_ticket_no_epoch(talk: PurseTalk) -> None:
    assert talk.open(1, None) is False
    assert talk.open(1, "made-up@a0") is False
    assert talk.reserve(1, "a", 1) == Vacant()


def test_a_ticket_opens_once(talk: PurseTalk) -> None:
    ticket = talk.ticket("t1")
    assert talk.open(1, ticket) is True
    assert talk.open(1, ticket) is True, "asked again, it is open"
    assert talk.open(2, ticket) is False
    assert talk.log() == [("opened", "", 1)]


@losses
def test_a_ticket_of_a_lost_data_set_opens_nothing(
    talk: PurseTalk, lose: Callable[[PurseTalk], None]
) -> None:
    """The message `open` is on its way while the data set that asked for it goes."""
    ticket = talk.ticket("t1")
    lose(talk)
    assert talk.open(1, ticket) is False
    renewed = talk.ticket("t2")
    assert renewed is not None
    assert renewed.startswith("t2@"), "the new data set gives a ticket of its own"
    assert talk.open(1, renewed) is True


def test_many_may_ask_for_an_epoch_at_once(talk: PurseTalk) -> None:
    first = talk.ticket("t1")
    assert talk.ticket("t2") == first
    assert talk.open(1, first) is True
    assert talk.ticket("t3") is None, "a living epoch gives no ticket"


def test_a_ticket_the_books_have_used_is_replaced(talk: PurseTalk) -> None:
    """SQL tied epoch 1 to the ticket, `open` was never sent, SQL went on to epoch 2: without a new ticket the
    funds would stay frozen for ever.
    """
    used = talk.ticket("t1")
    renewed = talk.ticket("t2", used=used)
    assert renewed != used
    assert talk.open(1, used) is False
    assert talk.open(2, renewed) is True


def test_a_purse_whose_epoch_is_not_current_is_vacated(talk: PurseTalk) -> None:
    """Both sides of a split brain opened epochs; the books ordered them, and this one is the older."""
    talk.begin(1, limit=100)
    assert talk.ticket("t2", stale_n=0) is None
    ticket = talk.ticket("t2", stale_n=1)
    assert talk.reserve(1, "a", 1) == Vacant()
    assert talk.open(3, ticket) is True
    assert talk.reserve(1, "a", 1) == OtherEpoch(3)


def test_settled_twice_is_charged_once(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    first = talk.settle(1, "a", 30)
    assert isinstance(first, Settled)
    assert talk.settle(1, "a", 30) == first
    assert talk.balance(1) == (100, 30, 0)
    assert talk.log() == [("opened", "", 1), ("settled", "a", 1)]


def test_a_swept_hold_is_charged_its_floor_and_settles_late(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.extend(1, "a", 0, floor=12, output_tokens=3)
    assert isinstance(talk.sweep(1, "a"), Settled)
    assert talk.balance(1) == (100, 12, 0)
    assert isinstance(talk.settle(1, "a", 20), Late)
    assert talk.balance(1) == (100, 12, 0), "the difference is the books' to correct"
    assert talk.sweep(1, "a") == Gone()
    assert talk.log()[1:] == [("swept", "a", 1), ("settled", "a", 1)]


@pytest.mark.parametrize(
    "lose", [LOSSES["restart"], LOSSES["stale restore"]], ids=["restart", "stale restore"]
)
def test_holds_of_an_old_epoch_are_swept_where_they_lie(
    talk: PurseTalk, lose: Callable[[PurseTalk], None]
) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.extend(1, "a", 0, floor=7)
    lose(talk)
    talk.begin(2, limit=60)
    assert talk.open_ops(1) == ["a"]
    assert isinstance(talk.sweep(1, "a"), Settled)
    assert talk.open_ops(1) == []
    assert talk.balance(2) == (60, 0, 0)
    assert talk.log()[-1] == ("swept", "a", 1)


def test_a_charge_above_its_hold_takes_what_is_free_and_no_more(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.reserve(1, "b", 50)
    talk.settle(1, "a", 75)
    assert talk.balance(1) == (100, 50, 50), "b's hold is not touched; the event carries the whole charge"


def test_the_fence_is_the_replication_id_not_the_run_id(talk: PurseTalk) -> None:
    """A primary that is demoted, resynchronised and promoted again keeps its process, and so its run_id."""
    run_id = _info(talk, "run_id")
    talk.begin(1, limit=100)
    talk.two.restart()
    assert _info(talk, "run_id") == run_id
    assert talk.reserve(1, "a", 1) == Vacant()


def _info(talk: PurseTalk, name: str) -> str:
    text: bytes = talk.two.everywhere("INFO", "server")[0]
    return next(row for row in text.decode().splitlines() if row.startswith(f"{name}:"))


def test_a_hold_never_expires_before_its_end(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    record = keys.hold(LANE, 1, "a")
    assert talk.two.command("PTTL", record) == -1
    talk.settle(1, "a", 1)
    left_ms = talk.two.command("PTTL", record)
    assert isinstance(left_ms, int)
    assert 3_500_000 < left_ms <= 3_600_000
