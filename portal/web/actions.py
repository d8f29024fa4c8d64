"""What a person may do on a page: a step of a state table, the entries it needs, the operation that takes it.

Which steps are offered is billing.casework.standing's to say. Here is only what each asks for, and which are
so hard to undo that they are looked at once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.casework.standing import Offered
from billing.lifecycle.table import REASON_CHARACTERS_MAX
from portal.api.answers import etag_of
from portal.web import entries
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


async def _apply(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    made = await operations.call(visit.desk, "POST /applications", {**values, "round": shown["id"]})
    return f"/applications/{made['id']}"


async def _change(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    """Every field of the form is said, so that what was emptied is empty."""
    empty = {"plan": "", "government_krw": 0, "self_cash_krw": 0, "self_in_kind_krw": 0, "bonuses": []}
    whole = {**empty, "track": None, "products": None, **values}
    etag = visit.form.one("etag") or etag_of(shown)
    await operations.call(visit.desk, "PATCH /applications/{id}", whole, id=shown["id"], etag=etag)
    return None


async def _evaluate(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    await operations.call(visit.desk, "POST /evaluations", {**values, "application": shown["id"]})
    return None


async def _offer(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    made = await operations.call(visit.desk, "POST /agreements", {**values, "application": shown["id"]})
    return f"/agreements/{made['id']}"


async def _issue(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    made = await operations.call(visit.desk, "POST /agreements/{id}/issue", values, id=shown["id"])
    return f"/vouchers/{made['voucher']}"


async def _amend(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    if values.get("products") == (None if shown["products"] == ["*"] else shown["products"]):
        del values["products"]
    made = await operations.call(visit.desk, "POST /agreements/{id}/amendments", values, id=shown["id"])
    return f"/amendments/{made['id']}"


async def _make_round(
    operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]
) -> str | None:
    made = await operations.call(visit.desk, "POST /rounds", {**values, "programme": shown["id"]})
    return f"/rounds/{made['id']}"


async def _change_hook(
    operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]
) -> str | None:
    """None chosen means all, as when it was made."""
    whole = {**values, "kinds": values.get("kinds") or None}
    etag = visit.form.one("etag") or etag_of(shown)
    await operations.call(visit.desk, "PATCH /webhooks/{id}", whole, id=shown["id"], etag=etag)
    return None


_NEW_DAY: Final = Field("ends_on", "day", required=True)
# (thing whose step it is, action); what is not here has no page.
ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("programme", "open"): Action(),
    ("programme", "close"): Action(is_risky=True),
    ("programme", "change_share"): Action(
        entries.plainly(
            Field("class", required=True),
            Field("from", "day", required=True),
            Field("share", "share", required=True),
        )
    ),
    ("round", "make"): Action(entries.round_fields, _make_round),
    ("round", "announce"): Action(is_risky=True),
    ("round", "extend"): Action(entries.plainly(Field("closes_at", "instant", required=True))),
    ("round", "select"): Action(is_risky=True),
    ("round", "cancel"): Action(is_risky=True),
    ("application", "make"): Action(entries.application_fields, _apply),
    ("application", "change"): Action(entries.application_fields, _change),
    ("application", "submit"): Action(),
    ("application", "withdraw"): Action(is_risky=True),
    ("application", "reopen"): Action(),
    ("application", "screen"): Action(entries.screening_fields),
    ("application", "evaluate"): Action(entries.score_fields, _evaluate),
    ("application", "score"): Action(),
    ("application", "reject"): Action(is_risky=True),
    ("agreement", "make"): Action(entries.terms_fields, _offer),
    ("agreement", "sign"): Action(is_risky=True),
    ("agreement", "decline"): Action(is_risky=True),
    ("agreement", "revoke"): Action(is_risky=True),
    ("agreement", "terminate"): Action(is_risky=True),
    ("agreement", "complete"): Action(is_risky=True),
    ("voucher", "issue"): Action(entries.issue_fields, _issue),
    ("amendment", "make"): Action(entries.amendment_fields, _amend),
    ("amendment", "approve"): Action(is_risky=True),
    ("amendment", "refuse"): Action(),
    ("amendment", "withdraw"): Action(),
    ("voucher", "deposit"): Action(entries.plainly(Field("amount_krw", "won", required=True))),
    ("voucher", "pay_in"): Action(entries.plainly(Field("amount_krw", "won", required=True))),
    ("voucher", "suspend"): Action(is_risky=True),
    ("voucher", "resume"): Action(),
    ("company", "suspend"): Action(is_risky=True),
    ("company", "resume"): Action(),
    ("api_key", "suspend"): Action(is_risky=True),
    ("api_key", "resume"): Action(),
    ("provider", "suspend"): Action(is_risky=True),
    ("provider", "resume"): Action(),
    ("webhook", "change"): Action(entries.webhook_fields, _change_hook),
    ("webhook", "test"): Action(),
    ("webhook", "pause"): Action(),
    ("webhook", "resume"): Action(),
    ("webhook", "end"): Action(is_risky=True),
    ("delivery", "resend"): Action(),
    ("product", "suspend"): Action(is_risky=True),
    ("product", "resume"): Action(),
    ("voucher", "extend"): Action(entries.plainly(_NEW_DAY)),
    ("voucher", "end"): Action(is_risky=True),
    ("voucher", "claw_back"): Action(entries.plainly(Field("amount_krw", "won")), is_risky=True),
}
