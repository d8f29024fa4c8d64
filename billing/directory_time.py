"""Days in Korea as instants. Programmes and vouchers are declared in days, first and last included. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

# Korea has had no summer time since 1988, so its days need no time zone data of the machine.
SEOUL: Final = timezone(timedelta(hours=9), "KST")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def instant_ms(instant: datetime) -> int:
    return (instant - _EPOCH) // _MS


def first_ms(day: date) -> int:
    """The first instant of the day."""
    return instant_ms(datetime(day.year, day.month, day.day, tzinfo=SEOUL))


def after_ms(day: date) -> int:
    """The first instant after the day."""
    return first_ms(day) + timedelta(days=1) // _MS


def period_of(*, programme: tuple[date, date], voucher: tuple[date | None, date | None]) -> tuple[date, date]:
    """A voucher's first and last day, never beyond its programme's."""
    starts_on = programme[0] if voucher[0] is None else max(voucher[0], programme[0])
    ends_on = programme[1] if voucher[1] is None else min(voucher[1], programme[1])
    return starts_on, ends_on


def period_ms(*, programme: tuple[date, date], voucher: tuple[date | None, date | None]) -> tuple[int, int]:
    """The same as instants, the end excluded."""
    starts_on, ends_on = period_of(programme=programme, voucher=voucher)
    return first_ms(starts_on), after_ms(ends_on)
