"""Shares: how a voucher's running total divides between the government's grant and the company's deposit.

The split is a function of the position on the voucher's line, not of the single call:

    government(total) = floor(total x share)        own deposit(total) = total - government(total)

Both rise with the total, so N calls sum exactly, and one number per voucher, its capacity, says how far the
line reaches before one of the two sources is empty. The share is kept in parts per million.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SHARE_ONE_PPM: Final = 1_000_000

Source = Literal["government", "self"]


def government_micro(total_micro: int, share_ppm: int) -> int:
    """The government's part of the first `total_micro` of a voucher; floor, in favour of the government."""
    return total_micro * share_ppm // SHARE_ONE_PPM


def split_micro(before_micro: int, after_micro: int, share_ppm: int) -> tuple[int, int]:
    """(government, self) parts of the step from `before_micro` to `after_micro` on the voucher's line."""
    government = government_micro(after_micro, share_ppm) - government_micro(before_micro, share_ppm)
    return government, after_micro - before_micro - government


@dataclass(frozen=True, slots=True)
class Capacity:
    total_micro: int
    stopped_by: Source


def capacity(*, grant_micro: int, deposit_micro: int, share_ppm: int) -> Capacity:
    """The largest total whose government part fits the grant and whose own part fits the deposit."""
    # floor(t * s) <= g  <=>  t * s < g + 1  <=>  t <= ceil((g + 1) / s) - 1
    by_grant = None
    if share_ppm > 0:
        by_grant = -(-(grant_micro + 1) * SHARE_ONE_PPM // share_ppm) - 1
    # t - floor(t * s) = ceil(t * (1 - s)) <= d  <=>  t * (1 - s) <= d  <=>  t <= floor(d / (1 - s))
    by_deposit = None
    if share_ppm < SHARE_ONE_PPM:
        by_deposit = deposit_micro * SHARE_ONE_PPM // (SHARE_ONE_PPM - share_ppm)
    candidates = [limit for limit in (by_grant, by_deposit) if limit is not None]
    total = min(candidates)
    # Where both sources end at the same place, it is the voucher that is used up.
    exhausts_grant = government_micro(total, share_ppm) >= grant_micro
    return Capacity(total, "government" if exhausts_grant else "self")
