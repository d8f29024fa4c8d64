"""What a hold takes, keeps and gives back: tables of docs/concepts/holds.md, asked of both purses."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from metering.directory import KeyLimits
from metering.money import AMOUNT_MICRO_MAX
from metering.purse import (
    Ended,
    Extended,
    ExtendShort,
    KeyDayUnknown,
    Late,
    Limited,
    Loan,
    NoLoan,
    Over,
    PurseUnavailable,
    Reserved,
    ReserveRequest,
    Settled,
    Short,
)
from metering.purse_redis import RedisPurse
from tests.fakes.purse_talk import FAR_MS, LANE, PurseTalk, granted, hold
from tests.fakes.two_purses import Refused
from tests.fakes.values import replace

WON = 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    free: int
    others_open: int
    want: int
    least: int
    sliced: bool
    granted: int | None  # None: SHORT


# fmt: off
WISHES = [
    #    free  others  want  least  sliced  granted
    Wish(1000, 0,       100,    10, False,    100),  # enough for all of it
    Wish(1000, 0,      1500,    10, False,   1000),  # alone: all that is there
    Wish(1000, 0,      1500,  1001, False,   None),  # not even the least
    Wish(1000, 3,       900,   100, False,    900),  # not alone, but it fits
    Wish(1000, 3,      1500,    10, False,   None),  # not alone and too large: wait for the others
    Wish(1000, 0,       500,    10, True,     500),  # a wish within its share, whole
    Wish(1000, 0,       900,    10, True,     500),  # alone: half, the rest is for its next slices
    Wish(1000, 0,       900,   700, True,     700),  # never less than the least
    Wish(1000, 1,       900,    10, True,     250),  # a share that leaves room for those that run
    Wish(1000, 4,       900,    10, True,     100),
    Wish(1000, 4,     64000,    10, True,     100),  # a small part of a huge wish will do to begin with
    Wish(1000, 23,    64000,    10, True,      20),
    Wish(1000, 24,    64000,    10, True,    None),  # but in a crowd nothing below a sixteenth of it: wait
    Wish(1000, 24,      320,    10, True,      20),  # exactly a sixteenth
    Wish(1000, 24,     3200,   210, True,     210),  # the least is a share large enough
    Wish(   0, 0,         0,     0, False,      0),  # a free product needs no money
    Wish(   0, 0,         1,     1, False,   None),
]
# fmt: on


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_what_a_wish_is_granted(talk: PurseTalk, wish: Wish) -> None:
    talk.begin(1, limit=wish.free + wish.others_open)
    for number in range(wish.others_open):
        assert granted(talk.reserve(1, f"other{number}", 1)) == 1
    answer = talk.reserve(1, "a", wish.want, least=wish.least, sliced=wish.sliced)
    assert granted(answer) == wish.granted
    if wish.granted is None:
        assert answer == Short("v", wish.free, wish.others_open)


# fmt: off
BEGINNINGS = [
    #             free  others  want  least  sliced  granted     usual
    (Wish(1000, 4,     64000,    10, True,     100),        80),  # its share is enough
    (Wish(1000, 4,     64000,    10, True,     200),       160),  # a quarter more than usual
    (Wish(1000, 4,     64000,    10, True,    1000),       800),
    (Wish(1000, 4,     64000,    10, True,    None),       801),  # what is left is for those that run
    (Wish(1000, 4,       150,    10, True,     150),       801),  # its wish is enough for itself
    (Wish(1000, 24,    64000,    10, True,    None),       160),  # a crowd is one all the same
    (Wish(1000, 0,     64000,    10, True,     500),       160),  # alone
    (Wish(1000, 0,     64000,    10, True,     600),       480),
    (Wish(1000, 0,     64000,    10, True,    1000),       801),  # the last money is for one call
    (Wish(1000, 3,       900,   100, False,    900),       801),  # that holds all it can cost
]
# fmt: on


@pytest.mark.parametrize(("wish", "usual"), BEGINNINGS, ids=str)
def test_no_call_begins_beside_others_with_less_than_is_usual(
    talk: PurseTalk, wish: Wish, usual: int
) -> None:
    talk.begin(1, limit=usual + wish.free + wish.others_open)
    talk.reserve(1, "before", usual)
    talk.settle(1, "before", usual)
    for number in range(wish.others_open):
        assert granted(talk.reserve(1, f"other{number}", 1)) == 1
    assert granted(talk.reserve(1, "a", wish.want, least=wish.least, sliced=wish.sliced)) == wish.granted


@pytest.mark.parametrize(
    ("charges", "begins_with"),
    [((320,), 400), ((320, 0), 400), ((320, 64), 390), ((64, 320), 400), ((320, 319), 400)],
    ids=str,
)
def test_usual_is_the_dearest_which_is_forgotten_slowly(
    talk: PurseTalk, charges: tuple[int, ...], begins_with: int
) -> None:
    talk.begin(1, limit=1200)
    for number, charge in enumerate(charges):
        talk.reserve(1, f"before{number}", 320)
        talk.settle(1, f"before{number}", charge)
    talk.reserve(1, "other", 1)
    assert granted(talk.reserve(1, "a", 64000, least=10, sliced=True)) == begins_with


def test_a_scarce_day_of_a_key_is_no_scarce_voucher(talk: PurseTalk) -> None:
    day = KeyLimits(krw_per_day_micro=1000)
    talk.begin(1, limit=5000)
    talk.reserve(1, "before", 800, limits=day, day_spent=0)
    talk.settle(1, "before", 800)
    talk.reserve(1, "other", 40, limits=day)
    assert granted(talk.reserve(1, "a", 4000, least=10, sliced=True, limits=day)) == 160 // 4


def test_the_first_voucher_that_pays_whole_then_the_fullest(talk: PurseTalk) -> None:
    talk.begin(1, limit=10)
    talk.lend(1, voucher="w", limit=30)
    talk.lend(1, voucher="x", limit=20)
    order = ("v", "w", "x")

    def pays(op: str, want: int, least: int) -> tuple[str, int] | None:
        answer = talk.reserve(1, op, want, least=least, vouchers=order)
        return (answer.voucher_id, answer.granted_micro) if isinstance(answer, Reserved) else None

    assert pays("a", 5, 5) == ("v", 5)
    assert pays("b", 6, 6) == ("w", 6), "the first that covers all of it"
    assert talk.settle(1, "b", 6, voucher="w")
    assert pays("c", 40, 1) == ("w", 24), "none covers it: the fullest, as nobody else draws on it"
    assert talk.reserve(1, "d", 40, vouchers=order) == Short("x", 20, 0)


def test_a_voucher_that_is_not_active_pays_nothing(talk: PurseTalk) -> None:
    talk.begin(1)
    talk.lend(1, voucher="past", limit=100, ends_ms=1_000)
    talk.lend(1, voucher="stopped", limit=100, state="suspended")
    talk.lend(1, voucher="good", limit=100)
    assert talk.reserve(1, "a", 10, vouchers=("past", "stopped")) == Ended()
    answer = talk.reserve(1, "a", 10, vouchers=("past", "stopped", "good"))
    assert isinstance(answer, Reserved)
    assert answer.voucher_id == "good"
    assert talk.reserve(1, "b", 10, vouchers=("past", "unknown", "good")) == NoLoan("unknown")


def test_the_same_call_asks_twice(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    first = talk.reserve(1, "a", 40)
    assert talk.reserve(1, "a", 99) == first
    assert talk.balance(1) == (100, 0, 40)


def test_a_call_made_again_after_its_release_is_held_for_and_charged(talk: PurseTalk) -> None:
    """The gateway that asked did not know of its hold, and gave it back; its caller came again."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    assert isinstance(talk.settle(1, "a", 0), Settled)
    assert granted(talk.reserve(1, "a", 60)) == 60
    assert talk.balance(1) == (100, 0, 60)
    assert isinstance(talk.settle(1, "a", 25), Settled)
    assert talk.balance(1) == (100, 25, 0)
    assert talk.log()[1:] == [("settled", "a", 1)] * 2, "the books hear of both ends"
    assert talk.reserve(1, "a", 40) == Over()


def test_a_charge_after_a_release_is_told_to_the_books(talk: PurseTalk) -> None:
    """The release overtook the call made again: there is no hold to take from, and nothing is lost."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.settle(1, "a", 0)
    late = talk.settle(1, "a", 25)
    assert isinstance(late, Late)
    assert talk.settle(1, "a", 25) == late, "once"
    assert talk.balance(1) == (100, 0, 0), "news for the books, who take it from what is free"
    assert talk.log()[1:] == [("settled", "a", 1)] * 2
    assert talk.reserve(1, "a", 40) == Over()


def test_who_has_nothing_to_charge_ends_no_hold_that_went_over_to_another(talk: PurseTalk) -> None:
    """A gateway was slow, and taken for dead: its release comes while the call is made again elsewhere."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="slow")
    talk.reserve(1, "a", 40, gateway="second")
    assert isinstance(talk.settle(1, "a", 0, gateway="slow"), Late)
    assert talk.balance(1) == (100, 0, 40)
    assert isinstance(talk.settle(1, "a", 30, gateway="second"), Settled)
    assert talk.balance(1) == (100, 30, 0)


@pytest.mark.parametrize("over", [False, True], ids=["open epoch", "epoch that is over"])
def test_a_dead_gateways_charge_ends_no_hold_that_went_over_to_another(talk: PurseTalk, over: bool) -> None:
    """Its journal was read while the call was made again: the caller is told what the second try costs."""
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="dead")
    talk.reserve(1, "a", 40, gateway="second")
    if over:
        talk.two.restart()
    assert isinstance(talk.settle(1, "a", 15, gateway="dead"), Late)
    outcome = talk.settle(1, "a", 30, gateway="second")
    assert isinstance(outcome, Late if over else Settled)
    assert talk.log()[1:] == [("settled", "a", 1)] * 2, "the books hear of both"
    if not over:
        assert talk.balance(1) == (100, 30, 0)


def test_what_a_dead_gateway_gave_stays_owed_where_the_call_made_again_comes_to_nothing(
    talk: PurseTalk,
) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="dead")
    talk.extend(1, "a", 0, floor=15, gateway="dead")
    talk.reserve(1, "a", 40, gateway="second")
    assert talk.extend(1, "a", 50, floor=20, gateway="second") == Extended(50)
    for _ in range(2):  # sent again, its answer was lost
        assert isinstance(talk.settle(1, "a", 0, gateway="second"), Late)
        assert talk.balance(1) == (100, 15, 0)
    assert talk.log()[1:] == [("swept", "a", 1), ("settled", "a", 1), ("settled", "a", 1)]
    assert talk.reserve(1, "a", 40) == Over()
    assert isinstance(talk.settle(1, "a", 30, gateway="dead"), Late), "it lived, and tells what it cost"
    assert talk.log()[4:] == [("settled", "a", 1)]


def test_what_a_dead_gateway_gave_is_not_owed_beside_what_the_call_made_again_costs(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40, gateway="dead")
    talk.extend(1, "a", 0, floor=15, gateway="dead")
    talk.reserve(1, "a", 40, gateway="second")
    assert isinstance(talk.settle(1, "a", 5, gateway="second"), Settled)
    assert talk.balance(1) == (100, 5, 0)


def test_extending_asks_for_a_total_so_a_repeat_is_harmless(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    assert talk.extend(1, "a", 60) == Extended(60)
    assert talk.extend(1, "a", 60) == Extended(60)
    assert talk.balance(1) == (100, 0, 60)
    assert talk.extend(1, "a", 50) == Extended(60), "it never shrinks"
    assert talk.extend(1, "a", 130, least=70) == Extended(100)
    assert talk.extend(1, "a", 130, least=70) == ExtendShort(0, 100), "what there was, it has"


def test_who_is_not_first_leaves_their_part_to_the_others(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    for op in ("a", "b", "c", "d"):
        talk.reserve(1, op, 10)
    assert talk.extend(1, "a", 40, least=11, first=False) == Extended(25), "a quarter of the 60 that are free"
    assert talk.extend(1, "b", 40, least=25, first=False) == ExtendShort(45, 55), "11 would be its part"
    assert talk.extend(1, "b", 60, least=25) == Extended(55), "the first takes all that is there"


def test_a_checkpoint_only_rises(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    for floor in (10, 30, 20):
        assert talk.extend(1, "a", 0, floor=floor, output_tokens=floor) == Extended(40)
    assert isinstance(talk.sweep(1, "a"), Settled)
    assert talk.balance(1) == (100, 30, 0)
    entries = talk.two.both(lambda purse: purse.read_log(lane=LANE, count=9))
    assert not isinstance(entries, Refused)
    swept = entries[-1]
    assert (swept.fields["charge"], swept.fields["out"], swept.fields["v"]) == (b"30", b"30", b"v")


def test_a_released_hold_gives_all_of_it_back(talk: PurseTalk) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    talk.settle(1, "a", 0)
    assert talk.balance(1) == (100, 0, 0)


def test_a_call_that_costs_nothing_ends_like_any_other(talk: PurseTalk) -> None:
    """Lua writes minus zero as "-0", which Redis takes for no number at all."""
    limits = KeyLimits(tokens_per_minute=10, concurrent=1, krw_per_day_micro=0)
    talk.begin(1, limit=100)
    assert granted(talk.reserve(1, "a", 0, limits=limits, day_spent=0)) == 0
    assert isinstance(talk.settle(1, "a", 0), Settled)
    assert talk.open_ops(1) == []
    talk.two.grow_older(ms=61_000)
    assert granted(talk.reserve(1, "b", 0, limits=limits)) == 0


# -- limits of a key


def test_calls_at_once(talk: PurseTalk) -> None:
    limits = KeyLimits(concurrent=2)
    talk.begin(1, limit=100)
    assert granted(talk.reserve(1, "a", 1, limits=limits)) == 1
    assert granted(talk.reserve(1, "b", 1, limits=limits)) == 1
    assert talk.reserve(1, "c", 1, limits=limits) == Limited("concurrent", 1000)
    talk.settle(1, "a", 1)
    assert granted(talk.reserve(1, "c", 1, limits=limits)) == 1


def test_requests_in_a_sliding_minute(talk: PurseTalk) -> None:
    limits = KeyLimits(requests_per_minute=2)
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 1, limits=limits)
    talk.two.grow_older(ms=40_000)
    talk.reserve(1, "b", 1, limits=limits)
    refusal = talk.reserve(1, "c", 1, limits=limits)
    assert isinstance(refusal, Limited)
    assert refusal.limit == "requests_per_minute"
    assert 10_000 < refusal.retry_ms <= 20_000, "when the oldest leaves the minute"
    talk.two.grow_older(ms=21_000)
    assert granted(talk.reserve(1, "c", 1, limits=limits)) == 1
    assert isinstance(talk.reserve(1, "d", 1, limits=limits), Limited)


def test_tokens_held_then_used(talk: PurseTalk) -> None:
    limits = KeyLimits(tokens_per_minute=100)
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 1, limits=limits, tokens=90)
    assert isinstance(talk.reserve(1, "b", 1, limits=limits, tokens=20), Limited)
    talk.settle(1, "a", 1, tokens=30)
    assert granted(talk.reserve(1, "b", 1, limits=limits, tokens=70)) == 1
    assert isinstance(talk.reserve(1, "c", 1, limits=limits, tokens=1), Limited)
    talk.two.grow_older(ms=61_000)
    assert granted(talk.reserve(1, "c", 1, limits=limits, tokens=100)) == 1, (
        "a minute later all of it is free"
    )
    talk.settle(1, "b", 1, tokens=90)
    talk.settle(1, "c", 1, tokens=60)
    assert isinstance(talk.reserve(1, "d", 1, limits=limits, tokens=41), Limited)
    assert granted(talk.reserve(1, "d", 1, limits=limits, tokens=40)) == 1, "b's minute is over"


def test_a_budget_per_day_counts_holds_and_what_the_books_know(talk: PurseTalk) -> None:
    limits = KeyLimits(krw_per_day_micro=100)
    talk.begin(1, limit=1_000)
    assert isinstance(talk.reserve(1, "a", 10, limits=limits), KeyDayUnknown)
    assert granted(talk.reserve(1, "a", 10, limits=limits, day_spent=60)) == 10
    refusal = talk.reserve(1, "b", 31, limits=limits)
    assert isinstance(refusal, Limited)
    assert refusal.limit == "krw_per_day"
    assert granted(talk.reserve(1, "b", 30, limits=limits)) == 30
    talk.settle(1, "b", 5)
    assert granted(talk.reserve(1, "c", 25, limits=limits)) == 25
    talk.two.grow_older(days=1)
    assert granted(talk.reserve(1, "d", 100, limits=limits)) == 100, "a new day"
    talk.settle(1, "a", 10)
    assert isinstance(talk.reserve(1, "e", 1, limits=limits), Limited), "yesterday's hold is not today's"


def test_a_budget_per_day_bounds_what_a_running_call_adds(talk: PurseTalk) -> None:
    limits = KeyLimits(krw_per_day_micro=100)
    talk.begin(1, limit=1_000)
    talk.reserve(1, "a", 30, limits=limits, day_spent=50)
    assert talk.extend(1, "a", 80, least=40) == Extended(50), "as far as the day's budget reaches"
    refusal = talk.extend(1, "a", 80, least=60)
    assert isinstance(refusal, Limited), "not SHORT: to ask the treasury for more would not help"
    assert refusal.limit == "krw_per_day"
    talk.two.grow_older(days=1)
    talk.reserve(1, "b", 10, limits=limits)
    assert talk.extend(1, "a", 80) == Extended(80), "yesterday's call does not use today's budget"
    assert talk.extend(1, "b", 100) == Extended(100)


def test_a_wish_beyond_the_budget_is_not_short_of_money(talk: PurseTalk) -> None:
    limits = KeyLimits(krw_per_day_micro=100)
    talk.begin(1, limit=1_000)
    talk.reserve(1, "other", 1)
    refusal = talk.reserve(1, "a", 200, least=10, limits=limits, day_spent=0)
    assert isinstance(refusal, Limited)
    assert refusal.limit == "krw_per_day"
    talk.settle(1, "other", 1)
    assert granted(talk.reserve(1, "a", 200, least=10, limits=limits, day_spent=0)) == 100


# -- amounts


@pytest.mark.parametrize("limit", [300_000_000 * WON, AMOUNT_MICRO_MAX])
def test_large_amounts_are_exact_to_the_micro_won(talk: PurseTalk, limit: int) -> None:
    """300 million won, the largest voucher of a sister programme; and the most a double counts exactly."""
    talk.begin(1, limit=limit)
    assert granted(talk.reserve(1, "a", limit)) == limit
    talk.settle(1, "a", limit - 3)
    assert talk.balance(1) == (limit, limit - 3, 0)
    assert talk.reserve(1, "b", 4) == Short("v", 3, 0)
    assert granted(talk.reserve(1, "b", 4, least=1)) == 3
    talk.settle(1, "b", 2)
    assert talk.balance(1) == (limit, limit - 1, 0)
    assert talk.reserve(1, "c", limit, least=limit) == Short("v", 1, 0)


def test_steps_of_a_micro_won_near_the_border_sum_up(talk: PurseTalk) -> None:
    talk.begin(1, limit=AMOUNT_MICRO_MAX)
    talk.reserve(1, "large", AMOUNT_MICRO_MAX - 10)
    talk.settle(1, "large", AMOUNT_MICRO_MAX - 10)
    for number in range(10):
        assert granted(talk.reserve(1, f"{number}", 1)) == 1
        talk.settle(1, f"{number}", 1)
    assert talk.balance(1) == (AMOUNT_MICRO_MAX, AMOUNT_MICRO_MAX, 0)
    assert granted(talk.reserve(1, "more", 1)) is None


@pytest.mark.parametrize("amount", [-1, AMOUNT_MICRO_MAX + 1, 10**30])
def test_what_is_not_an_amount_is_refused_before_anything_is_written(talk: PurseTalk, amount: int) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    before = talk.two.memory.data.snapshot()
    assert talk.reserve(1, "b", amount, least=0) == Refused()
    assert talk.reserve(1, "b", 1, least=amount) == Refused()
    assert talk.reserve(1, "b", 1, tokens=amount) == Refused()
    assert talk.extend(1, "a", amount, least=0) == Refused()
    assert talk.extend(1, "a", 50, floor=amount) == Refused()
    assert talk.settle(1, "a", amount) == Refused()
    assert talk.lend(1, version=2, limit=amount) == Refused()
    assert talk.recall(1, version=2, target=amount) == Refused()
    assert talk.balance(1) == (100, 0, 40)
    assert talk.log() == [("opened", "", 1)]
    assert talk.two.memory.data == before


@pytest.mark.parametrize("text", ["1.5", "1e3", "0x10", " 1", "", "nan", "inf", "+1", "-0", "1\n"])
def test_the_scripts_take_digits_only(talk: PurseTalk, text: str) -> None:
    talk.begin(1, limit=100)
    talk.reserve(1, "a", 40)
    purse = talk.two.redis
    keys = [f"{{{LANE}}}:{rest}" for rest in ("epoch", "1:h:a", "log", "1:v:v", "1:k:k", "x", "1:g:g")]

    async def settle(_: object) -> object:
        return await purse.line.script("settle", keys, [1, "a", text, 0, b"{}"])

    assert talk.two.both(settle) == Refused()
    assert talk.balance(1) == (100, 0, 40)


# -- a server short of memory


async def test_out_of_memory_stops_beginnings_and_not_ends(purse: RedisPurse) -> None:
    """Else the log that fills the memory could never be emptied, and living gateways would look dead."""
    ticket = await purse.vacate(lane=LANE, nonce="t", used_ticket=None, stale_n=0)
    await purse.open(lane=LANE, n=1, ticket=ticket or "")
    await purse.lend(lane=LANE, n=1, loan=Loan("v", 1, 100, FAR_MS, "active", 75, 25, 0, 0))
    wish = ReserveRequest("a", LANE, 1, "g", ("v",), 40, 40, "k", 0, KeyLimits(), b"{}")
    await purse.reserve(wish)
    await purse.reserve(replace(wish, op="b"))
    await purse.line.command("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(PurseUnavailable, match="OOM"):
            await purse.reserve(replace(wish, op="c"))
        assert await purse.extend(
            hold(1, "a"), want_micro=50, least_micro=50, floor_micro=3, floor_output_tokens=1
        ) == Extended(50)
        assert isinstance(await purse.settle(hold(1, "a"), charge_micro=5, tokens=0, event=b"{}"), Settled)
        assert isinstance(await purse.sweep(lane=LANE, n=1, op="b", gateway_id="g"), Settled)
        await purse.note(lane=LANE, kind="left", op="", n=1, event=b"{}")
        await purse.renew_lease("g")
        assert await purse.lease_alive("g")
        await purse.push_acks(lane=LANE, acks={"g": ["a", "b"], "h": []})
        entries = await purse.read_log(lane=LANE, count=10)
        assert [entry.kind for entry in entries] == ["opened", "settled", "swept", "left"]
        await purse.delete_log(lane=LANE, entry_ids=[entry.entry_id for entry in entries])
        assert (await purse.log_lengths())[LANE] == 0
        assert await purse.pop_acks(lane=LANE, gateway_id="g", count=9) == ["a", "b"]
    finally:
        await purse.line.command("CONFIG", "SET", "maxmemory", "0")
