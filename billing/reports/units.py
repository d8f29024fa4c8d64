"""What use is counted in, and what so much of it costs. Pure.

A quantity is an integer of a named fraction of its unit, so that nothing is a float: thousandths of an item,
days of a month. A price is micro-won per unit; a charge is rounded once, half up to a micro-won.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from metering.money import AMOUNT_MICRO_MAX

Unit = Literal["milestone", "item", "month", "tflops_month", "download", "byte"]

QUANTITY_MAX: Final = 10**15  # bytes: a petabyte
BYTES_PER_PRICE: Final = 10**9
_THOUSANDTHS: Final = 1_000
_QUANTITY: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class UnitKind:
    """`counted`: what a usage row calls the integer that is counted. `by_month`: a fee for days of service.

    `has_tiers`: each tier has a price of its own. `asks_company`: never charged without its acceptance.
    """

    counted: str
    by_month: bool = False
    has_tiers: bool = False
    asks_company: bool = False


KINDS: Final[dict[Unit, UnitKind]] = {
    "milestone": UnitKind("milestones", asks_company=True),
    "item": UnitKind("item_thousandths"),
    "month": UnitKind("month_days", by_month=True, has_tiers=True),
    "tflops_month": UnitKind("tflops_month_days", by_month=True, has_tiers=True),
    "download": UnitKind("downloads"),
    "byte": UnitKind("bytes"),
}


class NotCountable(ValueError):
    """The quantity is none of its unit. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Counted:
    """`units` of which `per` are one unit of the price."""

    units: int
    per: int


def count(
    unit: Unit, quantity: int | str, *, from_on: date, to_on: date, tier: str, corrects: bool = False
) -> Counted:
    """What was reported, as integers. Both days are in one month. `corrects`: it may come to nothing.

    Raises NotCountable.
    """
    if unit == "item":
        return Counted(_thousandths(quantity), _THOUSANDTHS)
    whole = _whole(quantity)
    is_nothing = corrects and whole == 0
    if unit == "milestone" and whole != 1 and not is_nothing:
        raise NotCountable("a milestone is reached once: its quantity is 1")
    if unit == "tflops_month" and str(whole) != tier and not is_nothing:
        raise NotCountable("the quantity of a TFlops-month is the TFlops of its tier")
    if KINDS[unit].by_month:
        days = (to_on - from_on).days + 1
        return Counted(whole * days, monthrange(to_on.year, to_on.month)[1])
    return Counted(whole, BYTES_PER_PRICE if unit == "byte" else 1)


def price_counted(price_micro: int, counted: Counted) -> int:
    """Rounded once, half up. Raises NotCountable."""
    micro = (2 * price_micro * counted.units + counted.per) // (2 * counted.per)
    if micro > AMOUNT_MICRO_MAX:
        raise NotCountable("it costs more than any voucher holds")
    return micro


def quantity_text(unit: Unit, units: int, per: int) -> str:
    """As people read it: 12.5 items, 1000000000 bytes, days of a month as they are."""
    if unit != "item":
        return str(units)
    whole, rest = divmod(units, per)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)


def _whole(quantity: int | str) -> int:
    if type(quantity) is int and 0 <= quantity <= QUANTITY_MAX:
        return quantity
    raise NotCountable("a quantity of this unit is an integer, not negative")


def _thousandths(quantity: int | str) -> int:
    match = _QUANTITY.fullmatch(str(quantity)) if type(quantity) in (int, str) else None
    if match is None or int(match[1]) * _THOUSANDTHS > QUANTITY_MAX:
        raise NotCountable("a quantity of items is an integer, or a decimal string of at most three places")
    return int(match[1]) * _THOUSANDTHS + int((match[2] or "").ljust(3, "0"))
