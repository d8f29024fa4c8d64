"""Statements as rows of a list: a subject's months, a month's subjects. Won are those of the statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from billing.database import Connection
from billing.statements.lines import Line
from billing.statements.month import Month
from billing.statements.statement import SUBJECT_KINDS, SubjectKind
from portal.web import names

MONTHS_SHOWN: Final = 36
# What a list of statements shows of each, in whole won.
COLUMNS: Final = ("government", "deposit", "own", "uncollected", "supply", "vat", "total")


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one statement; `won` by COLUMNS."""

    calls: int
    won: Mapping[str, int]


def sums_of(lines: Sequence[Line]) -> Sums:
    supply, vat = sum(line.won.supply for line in lines), sum(line.vat_won for line in lines)
    won = {
        "government": sum(line.won.government for line in lines),
        "deposit": sum(line.won.deposit for line in lines),
        "own": sum(line.won.own for line in lines),
        "uncollected": sum(line.won.uncollected for line in lines),
        "supply": supply,
        "vat": vat,
        "total": supply + vat,
    }
    return Sums(sum(line.calls for line in lines), won)


def total(rows: Sequence[Sums]) -> Sums:
    return Sums(
        sum(row.calls for row in rows), {name: sum(row.won[name] for row in rows) for name in COLUMNS}
    )


def newest_first(by_month: Mapping[Month, Sequence[Line]]) -> list[tuple[Month, Sums]]:
    months = sorted(by_month, reverse=True)[:MONTHS_SHOWN]
    return [(month, sums_of(by_month[month])) for month in months]


async def subjects(conn: Connection, lines: Sequence[Line]) -> dict[SubjectKind, list[tuple[str, str, Sums]]]:
    """By kind: (id, name, sums) of each that has a line."""
    found: dict[SubjectKind, list[tuple[str, str, Sums]]] = {}
    for kind in SUBJECT_KINDS:
        of: defaultdict[str, list[Line]] = defaultdict(list)
        for line in lines:
            of[getattr(line.account, f"{kind}_id")].append(line)
        named = await names.names_in(conn, kind, of)
        found[kind] = sorted(
            ((one, named.get(one, one), sums_of(own)) for one, own in of.items()), key=lambda row: row[1]
        )
    return found
