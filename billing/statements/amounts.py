"""What a line comes to, by who pays, and how it becomes whole won. Pure.

The unit is told by the name of whatever holds the amounts: `exact_micro` or `won`.

A line is rounded once: the fractions of a won are cut off its charge. Its parts follow by largest remainder,
so that none is a won or more away from what it is exactly and they sum to the line. What is cut off is not
dropped: it is carried into the next month (billing/statements/lines.py). Giving back is the mirror of
charging, so that a line and its reversal come to nothing.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

from metering.money import MICRO_PER_WON

VAT_DIVISOR: Final = 10  # 부가가치세: a tenth of the supply value


@dataclass(frozen=True, slots=True)
class Amounts:
    """`deposit`: what the company paid in towards its self share; `own`: its money beyond the voucher."""

    government: int = 0
    deposit: int = 0
    own: int = 0
    uncollected: int = 0

    @property
    def supply(self) -> int:
        """The supply value: what somebody pays, before VAT."""
        return self.government + self.deposit + self.own

    @property
    def charge(self) -> int:
        """What the calls cost, with what nobody pays: what the ledger owes the provider."""
        return self.supply + self.uncollected

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))


NOTHING: Final = Amounts()


def whole_won(exact_micro: Amounts) -> Amounts:
    """The charge without fractions; each part is less than a won away, and they sum to it.

    The won that rounding every part down would lose go to the largest remainders; among equals to the grant,
    then the deposit, so that the same amounts always give the same line.
    """
    if exact_micro.charge < 0:
        return NOTHING - whole_won(NOTHING - exact_micro)
    parts = [divmod(part, MICRO_PER_WON) for part in astuple(exact_micro)]
    won = [whole for whole, _ in parts]
    missing = exact_micro.charge // MICRO_PER_WON - sum(won)
    by_remainder = sorted(range(len(parts)), key=lambda place: -parts[place][1])
    for place in by_remainder[:missing]:
        won[place] += 1
    return Amounts(*won)


def in_micro(won: Amounts) -> Amounts:
    return Amounts(*(part * MICRO_PER_WON for part in astuple(won)))


def vat_won(supply_won: int) -> int:
    """A tenth, without fractions."""
    tenth = abs(supply_won) // VAT_DIVISOR
    return tenth if supply_won >= 0 else -tenth
