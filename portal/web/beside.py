"""What else stands on a thing's page: a product's prices, a run's result, the statements of a month."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from billing.lifecycle import product
from billing.reconciliation.matching import MATCHES
from billing.statements import store
from billing.statements.month import month_named
from portal.web import formats, statement_lists
from portal.web.operations import Shown
from portal.web.visit import Visit

# In the order of a price list; what costs nothing anywhere is no column.
PRICES: Final = (
    *("input", "cached_input", "cache_write", "output", "input_audio", "output_audio"),
    *("per_request", "per_image", "per_second", "per_1000_characters", "per_search"),
)


async def beside(kind: str, shown: Shown, visit: Visit) -> dict[str, Any]:
    return await _BESIDE[kind](shown, visit) if kind in _BESIDE else {}


async def _product(shown: Shown, visit: Visit) -> dict[str, Any]:
    """Its price list, newest first; and of a draft what it still lacks, in the words of the refusal."""
    prices: list[dict[str, Any]] = [
        {"from": entry["from"], **{name: formats.micro_of(entry[name]) for name in PRICES}}
        for entry in reversed(shown["prices"])
    ]
    names = [name for name in PRICES if any(entry[name] for entry in prices)]
    missing = shown.get("missing", [])
    checks = [
        {
            "is_done": check.name not in missing,
            "said": check.korean if visit.language == "ko" else check.english,
        }
        for check in product.CHECKS
        if shown["state"] in ("draft", "returned", "in_review") and visit.role != "company"
    ]
    return {"prices": prices, "price_names": names or ["input"], "checks": checks}


async def _price(shown: Shown, _: Visit) -> dict[str, Any]:
    entry = {name: formats.micro_of(shown[name]) for name in PRICES}
    names = [name for name in PRICES if entry[name]]
    return {"prices": [{"from": shown["from"], **entry}], "price_names": names or ["input"]}


async def _run(shown: Shown, _: Visit) -> dict[str, Any]:
    rows = [
        {
            "match": match,
            "count": shown["result"][match]["count"],
            "theirs_micro": formats.micro_of(shown["result"][match]["theirs_krw"]),
            "ours_micro": formats.micro_of(shown["result"][match]["ours_krw"]),
        }
        for match in MATCHES
    ]
    return {"result": rows}


async def _month(shown: Shown, visit: Visit) -> dict[str, Any]:
    month = month_named(shown["id"])
    lines = (
        await store.closed_lines(visit.desk.conn, month)
        if shown["state"] == "closed"
        else await store.open_lines(visit.desk.conn, month)
    )
    subjects = await statement_lists.subjects(visit.desk.conn, lines)
    return {
        "subjects": subjects,
        "columns": statement_lists.COLUMNS,
        "totals": {
            kind: statement_lists.total([sums for _, _, sums in rows]) for kind, rows in subjects.items()
        },
    }


_BESIDE: Final[Mapping[str, Callable[[Shown, Visit], Awaitable[dict[str, Any]]]]] = {
    "products": _product,
    "prices": _price,
    "reconciliations": _run,
    "months": _month,
}
