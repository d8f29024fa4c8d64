"""What a person may do on a page, step by step of the state tables.

Which steps are offered is billing.casework.standing's to say. Here is only what each asks for, and which are
so hard to undo that they are looked at once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portal.api.answers import etag_of
from portal.web import directory, entries, market_actions, money_actions, reported
from portal.web.action import Action
from portal.web.forms import Field
from portal.web.operations import Operations, Shown
from portal.web.visit import Visit


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


async def _object(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    made = await operations.call(visit.desk, "POST /payables/{id}/object", values, id=shown["id"])
    return f"/objections/{made['id']}"


def _named(shown: Shown) -> dict[str, str]:
    """An agreement by its page, or a voucher, whose page says which agreement it has: none."""
    return {"voucher" if "agreement" in shown else "agreement": shown["id"]}


async def _open_settlement(
    operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]
) -> str | None:
    made = await operations.call(visit.desk, "POST /settlements", _named(shown))
    return f"/settlements/{made['id']}"


async def _find(operations: Operations, visit: Visit, shown: Shown, values: dict[str, Any]) -> str | None:
    made = await operations.call(visit.desk, "POST /findings", values | _named(shown))
    return f"/findings/{made['id']}"


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
            Field("share", "share", required=True, text="share_percent"),
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
    ("programme", "change_holdback"): Action(
        entries.plainly(
            Field("from", required=True, help="help.month", characters_max=7),
            Field("basis_points", "count", required=True, help="help.basis_points"),
        )
    ),
    ("payable", "propose"): Action(),
    ("payable", "send_back"): Action(),
    ("payable", "approve"): Action(is_risky=True),
    ("payable", "pay"): Action(is_risky=True),
    ("payable", "hold"): Action(entries.plainly(Field("case"))),
    ("payable", "lift"): Action(),
    ("payable", "retry"): Action(),
    ("payable", "release"): Action(is_risky=True),
    ("objection", "make"): Action(run=_object),
    ("objection", "uphold"): Action(entries.plainly(Field("correction", required=True))),
    ("objection", "reject"): Action(),
    ("objection", "withdraw"): Action(),
    ("payout_account", "confirm"): Action(is_risky=True),
    ("payout_account", "refuse"): Action(),
    ("voucher", "deposit"): Action(entries.plainly(Field("amount_krw", "won", required=True))),
    ("voucher", "pay_in"): Action(entries.plainly(Field("amount_krw", "won", required=True))),
    ("voucher", "suspend"): Action(is_risky=True),
    ("voucher", "resume"): Action(),
    ("company", "change"): Action(directory.company_fields, directory.change_company),
    ("company", "suspend"): Action(is_risky=True),
    ("company", "resume"): Action(),
    ("api_key", "suspend"): Action(is_risky=True),
    ("api_key", "resume"): Action(),
    ("webhook", "change"): Action(entries.webhook_fields, _change_hook),
    ("webhook", "test"): Action(),
    ("webhook", "pause"): Action(),
    ("webhook", "resume"): Action(),
    ("webhook", "end"): Action(is_risky=True),
    ("delivery", "resend"): Action(),
    ("voucher", "extend"): Action(entries.plainly(_NEW_DAY)),
    ("voucher", "end"): Action(is_risky=True),
    ("settlement", "open"): Action(run=_open_settlement, is_risky=True),
    ("settlement", "enter_interest"): Action(
        entries.plainly(
            Field("amount_krw", "won", required=True, help="help.interest"), Field("document", required=True)
        )
    ),
    ("settlement", "return_unused"): Action(is_risky=True),
    ("settlement", "return_late"): Action(is_risky=True),
    ("settlement", "report"): Action(is_risky=True),
    ("settlement", "send_back"): Action(),
    ("settlement", "verify"): Action(entries.verification_fields),
    ("settlement", "settle"): Action(is_risky=True),
    ("settlement", "close"): Action(is_risky=True),
    ("settlement", "erase"): Action(is_risky=True),
    ("finding", "find"): Action(entries.finding_fields, _find, is_risky=True),
    ("finding", "object"): Action(),
    ("finding", "confirm"): Action(is_risky=True),
    ("finding", "dismiss"): Action(is_risky=True),
    ("finding", "offset"): Action(entries.plainly(Field("amount_krw", "won", required=True)), is_risky=True),
    ("finding", "repay"): Action(is_risky=True),
    ("report_line", "accept"): Action(is_risky=True),
    ("report_line", "object"): Action(),
    ("report_line", "reject"): Action(is_risky=True),
    ("report_line", "withdraw"): Action(is_risky=True),
    ("voucher", "claw_back"): Action(entries.plainly(Field("amount_krw", "won")), is_risky=True),
    **market_actions.ACTIONS,
    **reported.ACTIONS,
    **money_actions.ACTIONS,
}
