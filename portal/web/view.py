"""One way to read a table for a page: scope by role, then filters, then the order, then a page behind a key.

Totals are sums over every row that matches, whatever page is shown. Names of columns come from the View,
which is code; what a person sends is a parameter, or the name of something that the View has.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from billing.casework.rows import Row, rows_of
from billing.database import Connection
from portal.problem import Problem
from portal.web import words
from portal.web.formats import SEOUL, micro_of
from portal.web.forms import won_text

ROWS: Final = 50
FILTER_CHARACTERS_MAX: Final = 200
# How a column is shown. `amount` is micro-won; `ms` milliseconds since 1970.
# `word` is a text of ours, by the column's name and the value; `prices` are micro-won by their units.
Kind = Literal[
    "text",
    "id",
    "amount",
    "number",
    "day",
    "instant",
    "ms",
    "state",
    "word",
    "yes",
    "share",
    "list",
    "brn",
    "prices",
]
_CASTS: Final[Mapping[Kind, str]] = {
    "amount": "bigint",
    "number": "bigint",
    "ms": "bigint",
    "day": "date",
    "instant": "timestamptz",
}
Scope = tuple[str, Sequence[object]]
EVERYTHING: Final[Scope] = ("true", ())


@dataclass(frozen=True, slots=True)
class Column:
    """`link`: a path below the role's prefix, with columns in braces. `thing`: whose states these are.

    `empty`: what having no value means, as the key of a word. `by`: the column that orders it, where it may
    have none itself.
    """

    name: str
    kind: Kind = "text"
    sorts: bool = False
    total: bool = False
    link: str | None = None
    thing: str | None = None
    empty: str = "none"
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """`how`: equal to a choice or a text, a choice among several, since a day, until a day (included).

    `found`: equal to one of the values that there are. `at_most`: an amount that is no larger.
    """

    name: str
    column: str
    how: Literal["choice", "text", "member", "from_ms", "to_ms", "found", "at_most"] = "text"
    choices: tuple[str, ...] = ()
    thing: str | None = None  # the choices are its states


@dataclass(frozen=True, slots=True)
class View:
    """`query` has the columns named, and `id` of text. `order`: a column, descending with a minus."""

    caption: str
    query: str
    columns: tuple[Column, ...]
    order: str
    filters: tuple[Filter, ...] = ()
    hidden: tuple[Column, ...] = ()  # what only orders
    rows: int = ROWS

    @property
    def has_amounts(self) -> bool:
        return any(column.kind == "amount" for column in self.columns)

    def orders_by(self, name: str) -> str:
        return next((column.by for column in self.columns if column.name == name and column.by), name)

    def kind_of(self, name: str) -> Kind:
        columns = (*self.columns, *self.hidden)
        return next((column.kind for column in columns if column.name == name), "text")


@dataclass(frozen=True, slots=True)
class Table:
    view: View
    rows: Sequence[Row]
    count: int
    totals: Mapping[str, int]
    order: str
    before: str | None
    after: str | None
    chosen: Mapping[str, str]
    found: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the values of a filter of such


async def read(conn: Connection, view: View, scope: Scope, query: Mapping[str, str]) -> Table:
    condition, parameters, chosen = _filtered(view, scope, query)
    order = _order(view, query.get("sort"))
    name, down = view.orders_by(order.lstrip("-")), order.startswith("-")
    sums = [column.name for column in view.columns if column.total]
    summed = "".join(f", coalesce(sum({one}), 0) as {one}" for one in sums)
    source = f"from ({view.query}) things where {condition}"
    [totals] = await rows_of(conn, f"select count(*)::integer as rows_{summed} {source}", parameters)
    back = "before" in query
    place, of_place = _place(view, name, query.get("before") or query.get("after"), down != back)
    direction = "desc" if down != back else "asc"
    found = await rows_of(
        conn,
        f"select * {source} and {place} order by {name} {direction}, id {direction} limit %s",
        [*parameters, *of_place, view.rows + 1],
    )
    more = len(found) > view.rows
    rows = found[: view.rows]
    if back:
        rows.reverse()
    is_first = not (query.get("before") or query.get("after"))
    return Table(
        view,
        rows,
        totals["rows_"],
        {one: int(totals[one]) for one in sums},  # however large: who uploads a statement says its amounts
        order,
        before=_key(rows[0], name) if rows and (more if back else not is_first) else None,
        after=_key(rows[-1], name) if rows and (back or more) else None,
        chosen=chosen,
        found={one.name: await _values(conn, view, one, scope) for one in view.filters if one.how == "found"},
    )


async def _values(conn: Connection, view: View, one: Filter, scope: Scope) -> list[str]:
    rows = await rows_of(
        conn,
        f"select distinct {one.column} as value from ({view.query}) things"  # noqa: S608
        f" where ({scope[0]}) and {one.column} is not null order by 1 limit {ROWS}",
        list(scope[1]),
    )
    return [row["value"] for row in rows]


def _order(view: View, asked: str | None) -> str:
    sortable = {column.name for column in view.columns if column.sorts}
    if asked is not None and asked.removeprefix("-") in sortable:
        return asked
    return view.order


def _filtered(view: View, scope: Scope, query: Mapping[str, str]) -> tuple[str, list[object], dict[str, str]]:
    conditions, parameters = [f"({scope[0]})"], list(scope[1])
    chosen = {}
    for one in view.filters:
        value = query.get(one.name, "").strip()
        if not value:
            continue
        if len(value) > FILTER_CHARACTERS_MAX or "\0" in value:
            raise _invalid(one.name)
        if one.how in ("choice", "member") and value not in one.choices:
            raise _invalid(one.name)
        chosen[one.name] = value
        if one.how == "member":
            conditions.append(f"%s = any({one.column})")
            parameters.append(value)
            continue
        operator, wanted = _wanted(one, value)
        conditions.append(f"{one.column} {operator} %s")
        parameters.append(wanted)
    return " and ".join(conditions), parameters, chosen


def _wanted(one: Filter, value: str) -> tuple[str, object]:
    if one.how in ("choice", "text", "found"):
        return "=", value
    try:
        if one.how == "at_most":
            return "<=", micro_of(won_text(value))
        day = date.fromisoformat(value)
        if one.how == "to_ms":
            day += timedelta(days=1)
        begins = datetime.combine(day, time(), SEOUL)
        return (">=" if one.how == "from_ms" else "<"), int(begins.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise _invalid(one.name) from None


def _invalid(name: str) -> Problem:
    """`name`: of a filter, or of the place in a list, by which nobody knows it."""
    korean, english = words.TEXTS.get(f"filter.{name}", words.TEXTS["list.pages"])
    return Problem(
        400,
        "invalid_filter",
        f"The filter {english} cannot be read.",
        korean=f"조회 조건을 확인해 주세요: {korean}",
    )


def _key(row: Row, name: str) -> str:
    value = row[name]
    text = value.isoformat() if isinstance(value, date | datetime) else str(value)
    return base64.urlsafe_b64encode(json.dumps([text, row["id"]]).encode()).decode().rstrip("=")


def _place(view: View, name: str, key: str | None, down: bool) -> tuple[str, Sequence[object]]:
    """The condition of coming after the last row of the page before, in the order that is asked for."""
    if not key:
        return EVERYTHING
    try:
        value, last_id = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise _invalid("after") from None
    if not isinstance(value, str) or not isinstance(last_id, str) or "\0" in value + last_id:
        raise _invalid("after")
    cast = _CASTS.get(view.kind_of(name), "text")
    return f"({name}, id) {'<' if down else '>'} (%s::{cast}, %s)", [value, last_id]
