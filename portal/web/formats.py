"""Amounts, days and numbers as people here read them. Pure; what is not known is said to be unknown.

An amount is exact, up to six places: a figure of a page can be compared with the books as it stands.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final, Literal

from metering.money import MICRO_PER_WON

Language = Literal["ko", "en"]
SEOUL: Final = timezone(timedelta(hours=9), "KST")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: int) -> str:
    return f"{value:,}"


def amount(micro: int) -> str:
    """1234500000 -> "1,234.5": the column's caption has the unit."""
    sign = "-" if micro < 0 else ""
    won, rest = divmod(abs(micro), MICRO_PER_WON)
    places = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{sign}{won:,}{places}"


def micro_of(shown: str) -> int:
    """What the API shows of an amount, however large a budget is."""
    return int(Decimal(shown) * MICRO_PER_WON)


def won(micro: int, language: Language) -> str:
    text = amount(micro)
    if language == "ko":
        return f"{text}원"
    return f"-₩{text[1:]}" if text.startswith("-") else f"₩{text}"


def day(value: date, language: Language) -> str:
    if language == "ko":
        return f"{value:%Y.%m.%d}"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def instant(value: datetime, language: Language) -> str:
    local = value.astimezone(SEOUL)
    clock = f"{local:%H:%M:%S}"
    zone = "" if language == "ko" else " KST"
    separator = " " if language == "ko" else ", "
    return f"{day(local.date(), language)}{separator}{clock}{zone}"


def instant_of(text: str, language: Language) -> str:
    return instant(datetime.fromisoformat(text), language)


def month(text: str, language: Language) -> str:
    """ "2026-10", as statements name it."""
    year, number = text.split("-")
    return f"{year}년 {int(number)}월" if language == "ko" else f"{_MONTHS[int(number) - 1]} {year}"


def percent(part: int, whole: int) -> str | None:
    """One place, rounded down; None of nothing."""
    if whole <= 0:
        return None
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10}%"


def share(ppm: int) -> str:
    whole, rest = divmod(ppm, 10_000)
    return f"{whole}{f'.{rest:04d}'.rstrip('0') if rest else ''}%"


def ratio(text: str, language: Language) -> str:
    """A competition: so many for each that was selected."""
    return f"{text} 대 1" if language == "ko" else f"{text} : 1"


def brn(digits: str) -> str:
    return f"{digits[:3]}-{digits[3:5]}-{digits[5:]}" if len(digits) == 10 else digits


def of_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
