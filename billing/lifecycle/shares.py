"""Which share of the supply value the government pays on a day, and what the company then pays in. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from billing.lifecycle.table import Refused
from metering.shares import SHARE_ONE_PPM


@dataclass(frozen=True, slots=True)
class DatedShare:
    class_name: str
    from_day: date
    share_ppm: int


def share_on(day: date, class_name: str, *, declared_ppm: int | None, dated: Iterable[DatedShare]) -> int:
    """The latest dated share that has begun, else the declared one. Raises Refused where there is neither."""
    begun = [one for one in dated if one.class_name == class_name and one.from_day <= day]
    if begun:
        return max(begun, key=lambda one: one.from_day).share_ppm
    if declared_ppm is None:
        raise Refused(
            "share_unknown",
            f"The programme has no share for the class {class_name}.",
            f"이 사업에는 {class_name} 구분의 지원 비율이 없습니다.",
        )
    return declared_ppm


def self_share_micro(government_micro: int, share_ppm: int) -> int:
    """What the company pays in so that the whole grant can be spent, rounded up.

    Where the government pays nothing, there is no grant to be spent.
    """
    if share_ppm == 0:
        return 0
    return -(-government_micro * (SHARE_ONE_PPM - share_ppm) // share_ppm)
