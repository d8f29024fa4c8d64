"""Amounts are integers of micro-won (1 won = 1,000,000 micro-won). No float ever holds one.

Text comes in at the border as an integer or a decimal string and goes out as a decimal string in won with up
to six places, no exponent and no trailing zeros, which is how the public contract shows money.
"""

from __future__ import annotations

import re
from typing import Final

MICRO_PER_WON: Final = 1_000_000
_DECIMAL_PLACES: Final = 6

# Lua compares amounts as doubles, which are exact below 2^53 only. Nothing the purse holds may pass this.
AMOUNT_MICRO_MAX: Final = 2**53 - 1

_TEXT_LENGTH_MAX: Final = 32
# Not decimal.Decimal: that rounds to 28 digits where it multiplies, and takes exponents without end.
_TEXT: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


class AmountError(ValueError):
    """Text that is not an amount of won we can hold exactly."""


def parse_krw(value: int | str) -> int:
    """Won as an integer or a decimal string -> micro-won. More than six decimal places are refused."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise AmountError("an amount is an integer or a decimal string, never a float")
    if isinstance(value, int):
        micro = value * MICRO_PER_WON
    else:
        if len(value) > _TEXT_LENGTH_MAX:
            raise AmountError("an amount has at most 32 characters")
        parts = _TEXT.fullmatch(value)
        if parts is None:
            raise AmountError(f"not an amount of won: {value!r}")
        sign, won, rest = parts[1], parts[2], (parts[3] or "").rstrip("0")
        if len(rest) > _DECIMAL_PLACES:
            raise AmountError(f"an amount has at most six decimal places: {value!r}")
        micro = int(f"{sign}{won}{rest.ljust(_DECIMAL_PLACES, '0')}")
    if abs(micro) > AMOUNT_MICRO_MAX:
        raise AmountError("an amount is below 9,007,199,254 won")
    return micro


def format_krw(micro: int) -> str:
    """Micro-won -> decimal string in won: 12345678 -> "12.345678", 75000000 -> "75"."""
    sign = "-" if micro < 0 else ""
    won, rest = divmod(abs(micro), MICRO_PER_WON)
    if not rest:
        return f"{sign}{won}"
    return f"{sign}{won}.{rest:06d}".rstrip("0")
