"""What calls really cost of their ceiling, so that a scarce balance is divided by use and not by fear.

A ceiling is often ten times what a call uses. Where the money is scarce, as many calls should run at once as
it really pays, and none more. So each gateway remembers, per voucher and product, the dearest of the last
calls as a part of its ceiling. While the balance is scarce a call first asks for that much and a margin, all
or nothing. What it needs beyond comes by extension, as always: nothing is spent on a guess. Without a habit,
and where the guess cannot be had, the purse's own rule decides.

Too many calls let in on a wrong guess would all be cut. So only as many run on it as twice the calls that
lately proved it. Pure.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from metering.wish import Wish

SCARCE_PARTS: Final = 16  # scarce: what is left is less than so many ceilings
FORGET_PARTS: Final = 32  # of its distance to the newest call, the dearest gives up this part per call
MARGIN_PARTS: Final = 2  # asked for: what is usual and this part more; what is delivered is only estimated
ERROR_PARTS: Final = 4  # the least that is asked for: what is usual and this part more, for the same reason
TRUST: Final = 2  # calls on a guess for each that proved it
LATELY_S: Final = 60.0
PROOFS_MAX: Final = 256
KNOWN_MAX: Final = 4096
MILLION: Final = 1_000_000


def dearest(known: int, newest: int) -> int:
    """Of the last calls. Of its distance to a cheaper one it gives up a part."""
    return max(newest, known - max(0, known - newest) // FORGET_PARTS)


def enough(usual: int) -> int:
    """What a call like the usual ones cannot do without."""
    return usual + usual // ERROR_PARTS


@dataclass(slots=True)
class _Habit:
    dearest_ppm: int  # of the ceiling
    left_micro: int  # of the voucher's loan, held or not, when last seen
    proofs_s: deque[float]  # when calls ended


class Habits:
    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Habit] = {}

    def learn(
        self,
        *,
        voucher_id: str,
        product_id: str,
        used_micro: int,
        ceiling_micro: int,
        left_micro: int,
        now_s: float,
    ) -> None:
        """A call ended by itself. `used_micro`: what it cost, or the hold that it turned out to need."""
        if ceiling_micro <= 0:
            return
        used_ppm = min(MILLION, used_micro * MILLION // ceiling_micro)
        habit = self._known.pop((voucher_id, product_id), None)
        if habit is None:
            habit = _Habit(used_ppm, left_micro, deque(maxlen=PROOFS_MAX))
        habit.dearest_ppm = dearest(habit.dearest_ppm, used_ppm)
        habit.left_micro = left_micro
        habit.proofs_s.append(now_s)
        self._known[voucher_id, product_id] = habit  # at the end: the first is the longest unused
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def modest(self, wish: Wish, *, running: int, now_s: float) -> tuple[Wish, ...]:
        """The wish cut to what is usual, in the order of asking; none where the ceiling may be asked for.

        It begins where twice as much is free: what runs has first call on the rest, to be extended. Where so
        much will never be, little more than is usual will do, so that the last money pays whole answers.
        """
        if not wish.sliced or len(wish.vouchers) != 1:
            return ()
        habit = self._known.get((wish.vouchers[0].voucher_id, wish.meta.product))
        if habit is None or wish.want_micro * SCARCE_PARTS <= habit.left_micro:
            return ()
        while habit.proofs_s and now_s - habit.proofs_s[0] > LATELY_S:
            habit.proofs_s.popleft()
        if running >= TRUST * len(habit.proofs_s):
            return ()
        usual_micro = wish.want_micro * habit.dearest_ppm // MILLION
        ask_micro = max(wish.least_micro, usual_micro + usual_micro // MARGIN_PARTS)
        if ask_micro >= wish.want_micro:
            return ()
        return (
            replace(wish, want_micro=ask_micro, least_micro=2 * ask_micro),
            replace(wish, want_micro=ask_micro, least_micro=max(wish.least_micro, enough(usual_micro))),
        )
