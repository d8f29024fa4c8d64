"""The menu of each role: at most seven entries, some with the lists that stand under them. Pure.

A new list is a row here; the entry that it stands under is marked wherever one of its pages is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import Role
from portal.web.visit import PREFIXES


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` is below the role's prefix, `text` the key of its word. `under`: the lists of one matter."""

    path: str
    text: str
    under: tuple[tuple[str, str], ...] = ()


_CASEWORK: Final = (
    ("/applications", "nav.applications"),
    ("/agreements", "nav.agreements"),
    ("/amendments", "nav.amendments"),
    ("/settlements", "nav.settlements"),
    ("/findings", "nav.findings"),
)
_MATCHING: Final = (("/reconciliations", "nav.reconciliations"), ("/corrections", "nav.corrections"))
_PAYABLES: Final = (
    ("/payables", "nav.payables"),
    ("/payout_accounts", "nav.payout_accounts"),
    ("/objections", "nav.objections"),
)
_MONEY: Final = (
    ("/months", "nav.months"),
    ("/jobs", "nav.jobs"),
    ("/payments", "nav.payments"),
    ("/bank-lines", "nav.bank_lines"),
    ("/own-money", "nav.own_money"),
    ("/own_funds", "nav.own_funds"),
    *_PAYABLES,
    ("/payout_batches", "nav.payout_batches"),
)
_REPORTED: Final = (
    ("/reported_products", "nav.reported_products"),
    ("/report_lines", "nav.report_lines"),
    ("/milestones", "nav.milestones"),
)
_MARKET: Final = (
    ("/products", "nav.products"),
    ("/providers", "nav.providers"),
    *_REPORTED,
    ("/report_keys", "nav.report_keys"),
)

MENU: Final[Mapping[Role, tuple[Entry, ...]]] = {
    "company": (
        Entry("", "nav.home"),
        Entry("/usage", "nav.usage"),
        Entry("/keys", "nav.keys"),
        Entry("/products", "nav.products"),
        Entry(
            "/rounds",
            "nav.casework",
            (
                ("/rounds", "nav.rounds"),
                *_CASEWORK,
                ("/vouchers", "nav.vouchers"),
                *_REPORTED,
            ),
        ),
        Entry(
            "/funds",
            "nav.funds",
            (("/funds", "nav.funds"), ("/payments", "nav.payments"), ("/own_funds", "nav.own_funds")),
        ),
        Entry("/statements", "nav.statements"),
    ),
    "provider": (
        Entry("", "nav.home"),
        Entry(
            "/products",
            "nav.products",
            (("/products", "nav.products"), *_REPORTED, ("/report_keys", "nav.report_keys")),
        ),
        Entry("/calls", "nav.calls"),
        Entry("/statements", "nav.statements"),
        Entry("/payables", "nav.payables", _PAYABLES),
        Entry("/reconciliations", "nav.matching", (*_MATCHING, ("/jobs", "nav.jobs"))),
    ),
    "operator": (
        Entry("", "nav.todo"),
        Entry(
            "/programmes", "nav.rounds_inside", (("/programmes", "nav.programmes"), ("/rounds", "nav.rounds"))
        ),
        Entry("/applications", "nav.reviews"),
        Entry(
            "/vouchers",
            "nav.vouchers_inside",
            (("/vouchers", "nav.vouchers"), *_CASEWORK[1:], ("/calls", "nav.calls")),
        ),
        Entry("/products", "nav.market", _MARKET),
        Entry("/months", "nav.settlement", _MONEY),
        Entry("/reconciliations", "nav.matching", _MATCHING),
    ),
    "auditor": (
        Entry("", "nav.audit"),
        Entry(
            "/trace",
            "nav.trace",
            (("/trace", "nav.trace"), ("/programmes", "nav.programmes"), ("/rounds", "nav.rounds")),
        ),
        Entry("/vouchers", "nav.vouchers_inside", (("/vouchers", "nav.vouchers"), *_CASEWORK)),
        Entry("/calls", "nav.calls"),
        Entry("/products", "nav.market", _MARKET),
        Entry("/months", "nav.settlement", _MONEY),
        Entry("/reconciliations", "nav.matching", _MATCHING),
    ),
}


@dataclass(frozen=True, slots=True)
class Group:
    """`is_open`: this page is one of its; `under` is shown then."""

    entry: Entry
    is_open: bool


def groups_of(role: Role, path: str) -> list[Group]:
    """A page may stand under an entry by being a part of its path, never of the role's home."""
    below = path.removeprefix(PREFIXES[role])

    def has(place: str) -> bool:
        return below == place or (place != "" and below.startswith(f"{place}/"))

    return [
        Group(entry, has(entry.path) or any(has(place) for place, _ in entry.under)) for entry in MENU[role]
    ]
