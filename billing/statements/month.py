"""A month in Korea, written 2026-10. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from billing.directory_time import SEOUL, first_ms

_TEXT: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class NoMonth(ValueError):
    """The text names no month."""


@dataclass(frozen=True, order=True, slots=True)
class Month:
    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return date.fromordinal(self.after().first_day.toordinal() - 1)

    @property
    def first_ms(self) -> int:
        return first_ms(self.first_day)

    @property
    def end_ms(self) -> int:
        """The first instant after it."""
        return self.after().first_ms

    def after(self) -> Month:
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def before(self) -> Month:
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)


def month_named(text: str) -> Month:
    """Raises NoMonth."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise NoMonth("a month is written like 2026-10")
    return Month(int(match[1]), int(match[2]))


def month_of(instant: datetime) -> Month:
    day = instant.astimezone(SEOUL).date()
    return Month(day.year, day.month)


@lru_cache(maxsize=1000)
def first_day_number(month: Month) -> int:
    """Days since 1970-01-01 until its first, as the books number days."""
    return month.first_day.toordinal() - _EPOCH_DAY


def month_of_day_number(number: int) -> Month:
    day = date.fromordinal(_EPOCH_DAY + number)
    return Month(day.year, day.month)
