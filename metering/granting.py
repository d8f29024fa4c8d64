"""What a purse grants of a wish: which limit stands in the way, which voucher pays, and how much of it. Pure.

The readable twin of the middle of `reserve.lua`.
"""

from __future__ import annotations

from typing import Final

from metering import habit
from metering.data_set import KeyHash, LaneKeys
from metering.purse import Ended, KeyDayUnknown, Limited, NoLoan, ReserveRequest, Short

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
KOREA_OFFSET_MS: Final = 9 * 3_600_000
CROWD: Final = 24  # as many calls may begin with whatever there is,
SLICE_PART: Final = 16  # and beside that many, no slice is smaller than the wish divided by this


def day_in_korea(now_ms: int) -> int:
    return (now_ms + KOREA_OFFSET_MS) // DAY_MS


def limit_reached(key: KeyHash, request: ReserveRequest, now_ms: int) -> Limited | KeyDayUnknown | None:
    """Rolls the key's windows to `now_ms`, then says which limit stands in the way."""
    limits = request.limits
    if not limits.any:
        return None
    day = day_in_korea(now_ms)
    if key.day is None and limits.krw_per_day_micro is not None and request.day_spent_micro is None:
        return KeyDayUnknown(day)
    if key.day != day:
        first = key.day is None and request.day_spent_micro is not None
        key.day_spent = (request.day_spent_micro or 0) if first else 0
        key.day, key.day_held = day, 0
    if limits.concurrent is not None and key.open >= limits.concurrent:
        return Limited("concurrent", 1000)
    start = now_ms - MINUTE_MS
    if limits.requests_per_minute is not None:
        key.requests = {op: at for op, at in key.requests.items() if at > start}
        if len(key.requests) >= limits.requests_per_minute:
            oldest = min(key.requests.values(), default=now_ms)
            return Limited("requests_per_minute", oldest + MINUTE_MS - now_ms)
    if limits.tokens_per_minute is not None:
        key.tokens = {op: at for op, at in key.tokens.items() if at[0] > start}
        if sum(tokens for _, tokens in key.tokens.values()) + request.tokens > limits.tokens_per_minute:
            oldest = min((at for at, _ in key.tokens.values()), default=now_ms)
            return Limited("tokens_per_minute", oldest + MINUTE_MS - now_ms)
    left = day_left(key, limits.krw_per_day_micro)
    if left is not None and left < request.least_micro:
        return Limited("krw_per_day", to_midnight_ms(now_ms))
    return None


def to_midnight_ms(now_ms: int) -> int:
    return DAY_MS - (now_ms + KOREA_OFFSET_MS) % DAY_MS


def day_left(key: KeyHash, budget: int | None) -> int | None:
    return None if budget is None else budget - key.day_spent - key.day_held


def choose(
    lane: LaneKeys, key: KeyHash, request: ReserveRequest, now_ms: int
) -> tuple[str, int] | NoLoan | Short | Ended | Limited:
    """(voucher, amount), or why not. The first voucher that can grant the wish whole, else the fullest."""
    of_day = day_left(key, request.limits.krw_per_day_micro)
    fullest: tuple[int, str] | None = None
    for voucher_id in request.vouchers:
        voucher = lane.vouchers.get((request.n, voucher_id))
        if voucher is None:
            return NoLoan(voucher_id)
        if voucher.loan.state != "active" or now_ms >= voucher.loan.ends_ms:
            continue
        free = voucher.available if of_day is None else min(voucher.available, of_day)
        if request.want_micro <= free and (
            not request.sliced or request.want_micro <= free // (2 * (voucher.open + 1))
        ):
            return voucher_id, request.want_micro
        if fullest is None or free > fullest[0]:
            fullest = (free, voucher_id)
    if fullest is None:
        return Ended()
    free, voucher_id = fullest
    voucher = lane.vouchers[request.n, voucher_id]
    is_of_day = free < voucher.available  # then it is no scarce voucher
    granted = part(request, free=free, others_open=voucher.open, usual=0 if is_of_day else voucher.usual)
    if granted is None and is_of_day:
        return Limited("krw_per_day", to_midnight_ms(now_ms))  # more money in the purse would not help
    if granted is None:
        return Short(voucher_id, voucher.available, voucher.held)
    return voucher_id, granted


def part(request: ReserveRequest, *, free: int, others_open: int, usual: int) -> int | None:
    """What to grant of `free` where the wish is too large for it; None: wait for other calls to end.

    A call that can be sliced starts with a share that leaves room for those that run, and for its next
    slices. Where a crowd runs and the share is below a sixteenth of its wish it waits: beginnings must not
    starve ends. Nor does it begin beside others with less than is `usual`. Unsliced, it fits or is alone.
    """
    least, want = request.least_micro, request.want_micro
    if free < least:
        return None
    if request.sliced:
        share = min(want, max(least, free // (2 * (others_open + 1))))
        if others_open >= CROWD and share < min(want, want // SLICE_PART):
            return None
        want = max(share, min(want, habit.enough(usual)))
    return min(want, free) if want <= free or not others_open else None
