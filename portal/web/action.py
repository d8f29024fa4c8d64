"""A step of a state table on a page: the entries it needs, and the operation that takes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from billing.casework.offers import Offered
from billing.lifecycle.table import REASON_CHARACTERS_MAX
from portal.web.forms import Field
from portal.web.operations import Operations, Shown
from portal.web.visit import Visit

Fields = Callable[[Visit, Shown], Awaitable[tuple[Field, ...]]]
# Does it; -> where to go on, below the role's prefix, or None for the thing's own page.
Run = Callable[[Operations, Visit, Shown, dict[str, Any]], Awaitable[str | None]]
REASON: Final = Field(
    "reason", "area", required=True, help="reason_help", characters_max=REASON_CHARACTERS_MAX
)


@dataclass(frozen=True, slots=True)
class Action:
    """Without entries and not risky, it is a button of the thing's page; else it has a page of its own."""

    fields: Fields | None = None
    run: Run | None = None
    is_risky: bool = False

    def is_button(self, offered: Offered) -> bool:
        return self.fields is None and not self.is_risky and not offered.step.needs_reason
