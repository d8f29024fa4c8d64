"""What a reported line is held against: its price, and the vouchers that may pay it, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.casework.rows import Row, rows_of
from billing.database import Connection
from billing.directory_time import after_ms, first_ms, period_ms
from billing.lifecycle.own_fund import PROGRAMME

LINES: Final = (
    "select l.*, r.report_id as reported_in, c.name as company_name, p.name as product_name"
    " from report_line l join usage_report r on r.id = l.report_id join company c on c.id = l.company_id"
    " join reported_product p on p.id = l.product_id"
)
# Those that the company has and the product is allowed to use. A fund of own money is for calls alone: no
# agreement stands behind it.
_VOUCHERS: Final = (
    "select v.id, v.starts_on, v.ends_on, p.starts_on as programme_starts_on, p.ends_on as programme_ends_on,"
    " f.state, f.ends_ms, f.free_micro, f.charged_micro, f.capacity_micro"
    " from voucher v join programme p on p.id = v.programme_id join funds f on f.voucher_id = v.id"
    " where v.company_id = %s and v.programme_id <> %s and (v.products is null or %s = any(v.products))"
    " and (%s::text is null or exists (select from agreement g where g.id = %s and g.voucher_id = v.id))"
    " order by v.id"
)


@dataclass(frozen=True, slots=True)
class Paying:
    """A voucher that covers a line's days, with what of its line is free and what is lent or held."""

    voucher_id: str
    state: str
    free_micro: int
    lent_micro: int


async def vouchers_for(conn: Connection, line: Mapping[str, Any], *, lock: bool = False) -> list[Paying]:
    """In the order in which they pay: earliest end first. `lock`: nobody else books on any of them.

    Rows are locked in the order in which the poster locks them.
    """
    agreement = line["agreement_id"]
    rows = await rows_of(
        conn,
        _VOUCHERS + (" for update of f" if lock else ""),
        [line["company_id"], PROGRAMME, line["product_id"], agreement, agreement],
    )
    covering = [row for row in rows if row["state"] != "ended" and _covers(row, line)]
    return [
        Paying(
            row["id"],
            row["state"],
            row["free_micro"],
            row["capacity_micro"] - row["charged_micro"] - row["free_micro"],
        )
        for row in sorted(covering, key=lambda row: (row["ends_ms"], row["id"]))
    ]


def _covers(row: Row, line: Mapping[str, Any]) -> bool:
    """Every day of the line is a day of the voucher's."""
    starts_ms, ends_ms = period_ms(
        programme=(row["programme_starts_on"], row["programme_ends_on"]),
        voucher=(row["starts_on"], row["ends_on"]),
    )
    return starts_ms <= first_ms(line["from_on"]) and after_ms(line["to_on"]) <= ends_ms


async def price_for(conn: Connection, product_id: str, tier: str, served_ms: int) -> Row | None:
    """The price that was in force when the service ended."""
    found = await rows_of(
        conn,
        "select valid_from_text, price_micro from unit_price where product_id = %s and tier = %s"
        " and valid_from <= to_timestamp(%s / 1000.0) order by valid_from desc limit 1",
        [product_id, tier, served_ms],
    )
    return found[0] if found else None


def price_entry(product_id: str, valid_from: str, tier: str) -> str:
    """As a call names its price, with the tier where that has a sheet's name."""
    return f"{product_id}@{valid_from}" + (f"#{tier}" if tier else "")
