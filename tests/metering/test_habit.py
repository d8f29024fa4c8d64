"""A scarce balance is divided by what calls usually cost; a habit refuses nothing and fades."""

from __future__ import annotations

from msgspec.structs import replace

from metering.directory import KeyLimits
from metering.habit import KNOWN_MAX, LATELY_S, Habits
from metering.wish import Wish
from tests.fakes.books_world import META, VOUCHER
from tests.fakes.meter_world import voucher

CEILING = 20_000_000
RICH, SCARCE = CEILING * 16, CEILING * 16 - 1


def _wish(**more: object) -> Wish:
    wish = Wish(
        meta=META,
        vouchers=(voucher(VOUCHER),),
        want_micro=CEILING,
        least_micro=100_000,
        tokens=1,
        limits=KeyLimits(),
        sliced=True,
    )
    return replace(wish, **more)


def _learn(
    habits: Habits, used_micro: int, *, left_micro: int = SCARCE, product_id: str = META.product
) -> None:
    habits.learn(
        voucher_id=VOUCHER,
        product_id=product_id,
        used_micro=used_micro,
        ceiling_micro=CEILING,
        left_micro=left_micro,
        now_s=0.0,
    )


def _asked(habits: Habits, *, running: int = 0, now_s: float = 0.0, **more: object) -> int | None:
    modest = habits.modest(_wish(**more), running=running, now_s=now_s)
    if not modest:
        return None
    first, last = modest
    assert first.least_micro == 2 * first.want_micro == 2 * last.want_micro
    assert last.least_micro <= last.want_micro
    return first.want_micro


def test_nothing_known_or_nothing_scarce_is_no_habit() -> None:
    habits = Habits()
    assert _asked(habits) is None
    _learn(habits, 2_000_000, left_micro=RICH)
    assert _asked(habits) is None


def test_scarce_money_is_asked_for_as_usual_and_half_more() -> None:
    habits = Habits()
    _learn(habits, 2_000_000)
    assert _asked(habits) == 3_000_000


def test_the_last_money_pays_what_is_usual_with_half_the_margin() -> None:
    habits = Habits()
    _learn(habits, 2_000_000)
    _, last = habits.modest(_wish(), running=0, now_s=0.0)
    assert (last.want_micro, last.least_micro) == (3_000_000, 2_500_000)


def test_the_dearest_counts_and_is_forgotten_slowly() -> None:
    habits = Habits()
    for used_micro in (2_000_000, 8_000_000, 2_000_000):
        _learn(habits, used_micro)
    assert _asked(habits) == (8_000_000 - 6_000_000 // 32) * 3 // 2
    for _ in range(400):
        _learn(habits, 2_000_000)
    assert 3_000_000 <= (_asked(habits) or 0) < 3_100_000


def test_no_more_calls_run_on_a_guess_than_lately_proved_it() -> None:
    habits = Habits()
    _learn(habits, 2_000_000)
    _learn(habits, 2_000_000)
    assert _asked(habits, running=3) == 3_000_000
    assert _asked(habits, running=4) is None
    assert _asked(habits, now_s=LATELY_S + 1) is None


def test_never_below_the_least_answer_nor_above_the_ceiling() -> None:
    habits = Habits()
    _learn(habits, 0)
    assert _asked(habits) == 100_000
    assert _asked(habits, least_micro=5_000_000) == 5_000_000
    _learn(habits, CEILING)
    assert _asked(habits) is None


def test_what_cannot_be_cut_and_what_several_vouchers_pay_is_left_alone() -> None:
    habits = Habits()
    _learn(habits, 2_000_000)
    assert _asked(habits, sliced=False) is None
    assert _asked(habits, vouchers=_wish().vouchers * 2) is None


def test_what_was_longest_unused_is_forgotten() -> None:
    habits = Habits()
    _learn(habits, 2_000_000)
    for number in range(KNOWN_MAX):
        _learn(habits, 1, product_id=f"other-{number}")
    assert _asked(habits) is None
