"""The steps of payments, corrections, reconciliations and months."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portal.web.action import Action
from portal.web.entries import plainly
from portal.web.forms import Field
from portal.web.operations import Operations, Shown
from portal.web.visit import Visit


async def _propose(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    made = await operations.call(visit.desk, "POST /reconciliations/{id}/propose", values, id=shown["id"])
    return f"/corrections/{made['id']}"


async def limit_fields(_: Visit, shown: Shown) -> tuple[Field, ...]:
    limit = Field("limit_krw", "won", required=True, initial=shown["limit_krw"], help="help.own_fund_limit")
    return (limit,)


ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("payment", "refund"): Action(plainly(Field("amount_krw", "won", required=True)), is_risky=True),
    ("own_fund", "change"): Action(limit_fields),
    ("own_fund", "opt_out"): Action(is_risky=True),
    ("own_fund", "reopen"): Action(limit_fields),
    ("correction", "propose"): Action(run=_propose),
    ("correction", "approve"): Action(is_risky=True),
    ("correction", "refuse"): Action(),
    ("correction", "withdraw"): Action(),
    ("month", "close"): Action(is_risky=True),
}
