"""Whole won of a running total: rows sum to it, and none is a won or more away from what it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from billing.settlements.figures import Spent
from metering.money import MICRO_PER_WON


def whole_won(government_micro: int, self_micro: int) -> tuple[int, int]:
    """Whole won of a running total: the sum is cut off once, and so is the government's part of it."""
    government = government_micro // MICRO_PER_WON
    return government, (government_micro + self_micro) // MICRO_PER_WON - government


@dataclass(frozen=True, slots=True)
class Cut:
    """A product's day or month in whole won, and exactly."""

    spent: Spent
    government_won: int
    self_won: int

    @property
    def won(self) -> int:
        return self.government_won + self.self_won

    @property
    def micro(self) -> int:
        return self.spent.government_micro + self.spent.self_micro


def cut_off(rows: Iterable[Spent]) -> Iterator[Cut]:
    """Whole won by the running total: the rows sum to it, and each is less than a won away."""
    government = own = 0
    before = (0, 0)
    for row in rows:
        government, own = government + row.government_micro, own + row.self_micro
        after = whole_won(government, own)
        yield Cut(row, after[0] - before[0], after[1] - before[1])
        before = after


def by_month(days: Iterable[Spent]) -> Iterator[Spent]:
    """By the last day of the month, the provider and the product."""
    sums: dict[tuple[date, str, str], list[int]] = {}
    for one in days:
        last = (one.day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        of = sums.setdefault((last, one.provider_id, one.product_id), [0, 0])
        of[0] += one.government_micro
        of[1] += one.self_micro
    for (last, provider_id, product_id), (government, own) in sorted(sums.items()):
        yield Spent(last, provider_id, product_id, government, own)
