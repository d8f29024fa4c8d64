"""The tables of the pages. Each is one query, with the columns that say whose a row is."""

from __future__ import annotations

from typing import Final

from billing.lifecycle import programme, round
from portal.web.view import Column, Filter, View

# What a voucher's posted total takes of each source: metering.shares, in SQL.
_SPENT_GOVERNMENT: Final = "floor(f.charged_micro::numeric * f.share_ppm / 1000000)::bigint"

PROGRAMMES: Final = View(
    caption="nav.programmes",
    query=(
        "select p.id, p.name, l.state, p.starts_on, p.ends_on, p.budget_micro,"  # noqa: S608 - constants
        " coalesce(sum(f.government_micro), 0)::bigint as granted_micro,"
        f" coalesce(sum({_SPENT_GOVERNMENT}), 0)::bigint as spent_government_micro,"
        " coalesce(sum(f.expired_government_micro), 0)::bigint as returned_micro"
        " from programme p join programme_life l on l.programme_id = p.id"
        " left join funds f on f.programme_id = p.id group by p.id, l.state"
    ),
    columns=(
        Column("name", sorts=True, link="/programmes/{id}"),
        Column("state", "state", thing="programme"),
        Column("ends_on", "day", sorts=True),
        Column("budget_micro", "amount", sorts=True, total=True),
        Column("granted_micro", "amount", sorts=True, total=True),
        Column("spent_government_micro", "amount", sorts=True, total=True),
        Column("returned_micro", "amount", total=True),
    ),
    order="-ends_on",
    filters=(Filter("state", "state", "choice", tuple(programme.TABLE.states), thing="programme"),),
)
_ROUND_COLUMNS: Final = (
    Column("name", sorts=True, link="/rounds/{id}"),
    Column("state", "state", thing="round"),
    Column("programme_name"),
    Column("opens_at", "instant", sorts=True),
    Column("closes_at", "instant", sorts=True),
    Column("budget_micro", "amount", sorts=True),
    Column("cap_micro", "amount"),
)
_ROUNDS: Final = (
    "select r.id, r.name, r.state, r.programme_id, p.name as programme_name, r.opens_at, r.closes_at,"
    " r.budget_micro, r.cap_micro, (select count(*) from application a where a.round_id = r.id"
    " and a.state not in ('draft', 'withdrawn'))::bigint as applications"
    " from round r join programme p on p.id = r.programme_id"
)
_ROUND_STATES: Final = Filter("state", "state", "choice", tuple(round.TABLE.states), thing="round")
ROUNDS: Final = View("nav.rounds", _ROUNDS, _ROUND_COLUMNS, "-closes_at", (_ROUND_STATES,))
ROUNDS_INSIDE: Final = View(
    "nav.rounds", _ROUNDS, (*_ROUND_COLUMNS, Column("applications", "number")), "-closes_at", (_ROUND_STATES,)
)
