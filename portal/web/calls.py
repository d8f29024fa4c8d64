"""A call as evidence: what was used, what it cost, who paid; for the agency and auditors its postings."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from billing.casework.rows import NOT_FOUND, Row, rows_of
from billing.lifecycle.own_fund import PROGRAMME as OWN_PROGRAMME
from billing.lifecycle.table import Refused
from billing.usage_store import usage_one
from portal.web import names, words
from portal.web.facts import Fact, lines
from portal.web.serving import Page
from portal.web.thing import INSIDE
from portal.web.visit import PREFIXES, Html, Reply, Visit

_FACTS: Final = (
    Fact("company", "companies"),
    *(Fact("id"), Fact("request_id"), Fact("upstream_request_id"), Fact("product", "products")),
    *(Fact("provider"), Fact("voucher", "vouchers"), Fact("api_key"), Fact("tag"), Fact("started_at")),
    *(Fact("finished_at"), Fact("dialect"), Fact("stream"), Fact("status", key="state.call")),
    *(
        Fact("end_reason", key="end_reason"),
        Fact("estimated"),
        Fact("error", key="end_reason"),
        Fact("tokens"),
        Fact("units"),
        Fact("price_from"),
    ),
    *(Fact("charge_krw"), Fact("government_krw"), Fact("self_krw"), Fact("own_krw")),
    Fact("uncollected_krw"),
)
_PAID_BY: Final = ("government", "self", "own", "uncollected")


def pages() -> list[Page]:
    inside = [Page(f"{PREFIXES[role]}/calls/{{id}}", (role,), _show_inside) for role in INSIDE]
    return [Page("/company/usage/{id}", ("company",), partial(_show, "usage")), *inside]


async def _show(below: str, visit: Visit, company: str | None = None) -> Reply:
    """`company`: whose call it is; for a company it is its own or none."""
    company = company or visit.desk.actor.company
    assert company is not None, "a call is a company's"
    record = await usage_one(visit.desk.conn, company, visit.part("id"))
    if record is None:
        raise Refused(*NOT_FOUND)
    tokens = {f"tokens_{name}": number for name, number in record["tokens"].items() if number}
    error = None if record["error"] == record["end_reason"] else record["error"]
    shown = {**record, "tokens": tokens, "error": error}
    if visit.desk.sees_everything:  # a company's call is its own
        shown["company"] = company
    named = await names.of(visit.desk.conn, shown)
    entries = await _entries(visit, record["id"]) if visit.desk.sees_everything else []
    return Html(
        "call.html",
        {
            "name": record["id"],
            "lines": lines(_FACTS, shown, visit.language, named=named),
            "entries": entries,
            "trail": (
                (f"{visit.prefix}/{below}", words.text(f"nav.{below}", visit.language)),
                (None, record["id"]),
            ),
        },
    )


async def _show_inside(visit: Visit) -> Reply:
    found = await rows_of(
        visit.desk.conn, "select company_id from usage where op = %s limit 1", [visit.part("id")]
    )
    if not found:
        raise Refused(*NOT_FOUND)
    return await _show("calls", visit, found[0]["company_id"])


async def _entries(visit: Visit, op: str) -> list[dict[str, Any]]:
    """The journal entries that book the call, each with all its legs; one entry may book several calls.

    A step that changes no amount has none, as of a call that was released.
    """
    steps = await rows_of(
        visit.desk.conn,
        "select u.step, u.kind, u.entry_id, e.booked_at, u.charge_micro, u.d_charge_micro, u.programme_id,"
        " u.d_government_micro, u.d_self_micro, u.d_uncollected_micro"
        " from usage u left join entry e on e.id = u.entry_id where u.op = %s order by u.step",
        [op],
    )
    legs: dict[int, list[Row]] = {}
    for row in await rows_of(
        visit.desk.conn,
        "select entry_id, leg, account, amount_micro from posting where entry_id = any(%s)"
        " order by entry_id, leg",
        [[step["entry_id"] for step in steps if step["entry_id"] is not None]],
    ):
        legs.setdefault(row["entry_id"], []).append(row)
    return [{**step, "parts": _parts(step), "legs": legs.get(step["entry_id"], [])} for step in steps]


def _parts(step: Row) -> list[tuple[str, int]]:
    """Who pays how much, by name: their sum is the charge. A fund of own money books it as its share."""
    self_micro = 0 if step["programme_id"] == OWN_PROGRAMME else step["d_self_micro"]
    parts = {
        "government": step["d_government_micro"],
        "self": self_micro,
        "uncollected": step["d_uncollected_micro"],
    }
    parts["own"] = step["d_charge_micro"] - sum(parts.values())
    return [(f"field.{name}_krw", parts[name]) for name in _PAID_BY if parts[name]]
