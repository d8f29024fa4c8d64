"""From a programme down to its calls: at each level one sum, the sum of the level below, and the ledger's.

What a level shows of itself is of the directory and the posted totals (`funds`), what stands below is another
query, and the ledger's figures are the postings of the vouchers' accounts. Below a voucher are its calls, by
month and product; below a call are its entries, on the call's own page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from billing.casework.rows import Row, row_of, rows_of
from billing.statements.month import month_named
from portal.web import call_views, formats, view, views, words
from portal.web.ledger import FIGURES, SIDES, Sums, posted
from portal.web.serving import Page
from portal.web.visit import Html, Reply, Visit

# One row a voucher, with where it belongs. A voucher that was declared has no agreement and no round.
_VOUCHERS: Final = (
    "select f.voucher_id, f.programme_id, f.company_id, c.name as company_name, g.id as agreement_id,"
    " a.round_id, coalesce(r.name, '') as round_name, f.government_micro as granted_government,"
    " floor(f.charged_micro::numeric * f.share_ppm / 1000000)::bigint as spent_government,"
    " f.expired_government_micro as returned_government, f.self_micro as granted_self,"
    " f.charged_micro - floor(f.charged_micro::numeric * f.share_ppm / 1000000)::bigint as spent_self,"
    " f.expired_self_micro as returned_self"
    " from funds f join company c on c.id = f.company_id"
    " left join agreement g on g.voucher_id = f.voucher_id"
    " left join application a on a.id = g.application_id left join round r on r.id = a.round_id"
)
_CALLS: Final = (
    "select korean_month(started_ms) as month, product_id, count(*) as calls,"  # noqa: S608 - a constant
    " sum(government_micro)::bigint as spent_government, sum(self_micro)::bigint as spent_self,"
    " sum(uncollected_micro)::bigint as uncollected"
    f" from ({call_views.CALLS}) calls where company_id = %s and voucher_id = %s"
    " group by 1, 2 order by 1, 2"
)


@dataclass(frozen=True, slots=True)
class Level:
    """`column`: of a voucher's row, which of its vouchers are this one's; `below`: by what they are grouped.

    `others`: all that stand below, those without a voucher too.
    """

    kind: str
    column: str
    below: str
    name: str  # the query of its name
    others: str = "select '' as id, '' as label, '' as company where %s::text is null"


LEVELS: Final = {
    "programmes": Level(
        "programmes",
        "programme_id",
        "round_id",
        "select name from programme where id = %s",
        "select id, name as label, null as company from round where programme_id = %s order by id",
    ),
    "rounds": Level(
        "rounds",
        "round_id",
        "agreement_id",
        "select name from round where id = %s",
        "select g.id, g.id as label, c.name as company from agreement g join company c on c.id = g.company_id"
        " join application a on a.id = g.application_id where a.round_id = %s order by g.id",
    ),
    "agreements": Level(
        "agreements", "agreement_id", "voucher_id", "select id as name from agreement where id = %s"
    ),
    "vouchers": Level("vouchers", "voucher_id", "", "select id as name from voucher where id = %s"),
}
_NEXT: Final = {"round_id": "rounds", "agreement_id": "agreements", "voucher_id": "vouchers"}


@dataclass(frozen=True, slots=True)
class Compared:
    figure: str
    side: str
    shown_micro: int
    below_micro: int | None  # None: this level's figure has no parts below
    ledger_micro: int

    @property
    def difference_micro(self) -> int:
        below = 0 if self.below_micro is None else self.shown_micro - self.below_micro
        return below or self.shown_micro - self.ledger_micro


def pages() -> list[Page]:
    return [
        Page("/audit/trace", ("auditor",), _programmes),
        *(
            Page(f"/audit/trace/{kind}/{{id}}", ("auditor",), partial(_show, level))
            for kind, level in LEVELS.items()
        ),
    ]


async def _programmes(visit: Visit) -> Reply:
    table = await view.read(visit.desk.conn, views.PROGRAMMES_TRACED, view.EVERYTHING, visit.query)
    title = words.text("nav.trace", visit.language)
    shown = {"title": "nav.trace", "table": table, "make": None, "trail": ((None, title),)}
    return Html("list.html", shown)


async def _show(level: Level, visit: Visit) -> Reply:
    conn, this = visit.desk.conn, visit.part("id")
    named = await row_of(conn, level.name, [this])
    vouchers = await rows_of(
        conn,
        f"select * from ({_VOUCHERS}) v where {level.column} = %s order by voucher_id",  # noqa: S608
        [this],
    )
    shown = _summed(vouchers)
    if level.kind == "vouchers":
        below, rows = await _calls_below(visit, vouchers)
    else:
        below, rows = _grouped(level, vouchers, await rows_of(conn, level.others, [this]))
    ledger = await posted(conn, [row["voucher_id"] for row in vouchers])
    return Html(
        "trace.html",
        {
            "level": level,
            "name": named["name"],
            "this": this,
            "compared": [
                Compared(figure, side, shown[key], below.get(key), ledger[key])
                for figure in FIGURES
                for side in SIDES
                if (key := (figure, side)) in shown
            ],
            "rows": rows,
            "sums": {name: sum(row["sums"].get(name, 0) for row in rows) for name in below},
            "figures": [key for key in shown if key in below],
            "trail": await _trail(level, visit, vouchers, named["name"]),
        },
    )


def _summed(vouchers: Sequence[Row]) -> Sums:
    sums = {
        (figure, side): sum(row[f"{figure}_{side}"] for row in vouchers)
        for figure in ("granted", "spent", "returned")
        for side in SIDES
    }
    left = {
        ("left", side): sums["granted", side] - sums["spent", side] - sums["returned", side] for side in SIDES
    }
    return sums | left


def _grouped(
    level: Level, vouchers: Sequence[Row], others: Sequence[Row]
) -> tuple[Sums, list[dict[str, Any]]]:
    """The things of the level below, each with the sum of its vouchers."""
    groups: dict[str | None, list[Row]] = {}
    for row in vouchers:
        groups.setdefault(row[level.below], []).append(row)
    heads = {row["id"]: (row["label"], row["company"]) for row in others}
    heads |= {one: (one, of[0]["company_name"]) for one, of in groups.items() if one and one not in heads}
    rows = [
        {
            "path": f"/trace/{_NEXT[level.below]}/{quote(one, safe='')}",
            "label": label,
            "company": company,
            "vouchers": [],
            "sums": _summed(groups.get(one, ())),
        }
        for one, (label, company) in heads.items()
    ]
    if None in groups:
        direct = [row["voucher_id"] for row in groups[None]]
        rows.append(
            {"path": None, "label": None, "company": None, "vouchers": direct, "sums": _summed(groups[None])}
        )
    found = _summed(vouchers)
    return {key: sum(row["sums"][key] for row in rows) for key in found}, rows


async def _calls_below(visit: Visit, vouchers: Sequence[Row]) -> tuple[Sums, list[dict[str, Any]]]:
    """By month and product: what is spent is made of calls, and nothing else of a voucher is."""
    rows = []
    for voucher in vouchers:
        for one in await rows_of(visit.desk.conn, _CALLS, [voucher["company_id"], voucher["voucher_id"]]):
            month = month_named(one["month"])
            asked = {
                "voucher": voucher["voucher_id"],
                "product": one["product_id"],
                "from": month.first_day.isoformat(),
                "to": month.last_day.isoformat(),
            }
            rows.append(
                {
                    "path": f"/calls?{urlencode(asked)}",
                    "label": f"{formats.month(one['month'], visit.language)} · {one['product_id']}",
                    "company": None,
                    "vouchers": [],
                    "calls": one["calls"],
                    "sums": {("spent", side): one[f"spent_{side}"] for side in SIDES},
                }
            )
    return {("spent", side): sum(row["sums"]["spent", side] for row in rows) for side in SIDES}, rows


async def _trail(
    level: Level, visit: Visit, vouchers: Sequence[Row], name: str
) -> tuple[tuple[str | None, str], ...]:
    """The levels above, as far as the thing belongs to one each."""
    above: list[tuple[str | None, str]] = [("/audit/trace", words.text("nav.trace", visit.language))]
    if vouchers and level.kind != "programmes":
        first = vouchers[0]
        programme = await row_of(
            visit.desk.conn, "select name from programme where id = %s", [first["programme_id"]]
        )
        above.append((f"/audit/trace/programmes/{first['programme_id']}", programme["name"]))
        if level.kind != "rounds" and first["round_id"] is not None:
            above.append((f"/audit/trace/rounds/{first['round_id']}", first["round_name"]))
        if level.kind == "vouchers" and first["agreement_id"] is not None:
            above.append((f"/audit/trace/agreements/{first['agreement_id']}", first["agreement_id"]))
    return (*above, (None, name))
