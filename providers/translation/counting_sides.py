"""Whose tokens are counted by whom. A dialect that is not listed is asked for no count."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from providers.dialect import Operation
from providers.translation.anthropic.count import COUNTING as ANTHROPIC
from providers.translation.counting import CountingSide, counting_pair
from providers.translation.gemini.count import COUNTING as GEMINI

SIDES: Final[Mapping[str, CountingSide]] = MappingProxyType(
    {side.dialect: side for side in (ANTHROPIC, GEMINI)}
)


def counting_for(dialect: str, operation: Operation, vendor_dialect: str) -> Operation | None:
    """None where the operation counts nothing, or the vendor's dialect has no counting."""
    caller, vendor = SIDES.get(dialect), SIDES.get(vendor_dialect)
    if caller is None or vendor is None or caller.operation is not operation:
        return None
    return counting_pair(caller, vendor)
