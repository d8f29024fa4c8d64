"""The page of sister vouchers: its worked table and its example of signing, asked of the code."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from billing.reports.reading import read_report
from billing.reports.signing import BadSignature, key_named, payload_of
from billing.reports.units import KINDS, count, price_counted
from metering.money import format_krw, parse_krw
from tests.docs.pages import Row, page, tables

PAGE = page("docs/concepts/sister-vouchers.md")
TABLES = tables(PAGE.text)
[WORKED] = [rows for rows in TABLES if "charge" in rows[0]]


def test_every_unit_is_on_the_page() -> None:
    assert {row["unit"] for row in WORKED} == set(KINDS)


@pytest.mark.parametrize("row", WORKED)
def test_a_charge(row: Row) -> None:
    unit: Any = row["unit"]
    quantity: Any = row["quantity"] if unit == "item" else int(row["quantity"])
    from_on, to_on = (date.fromisoformat(row[name]) for name in ("from", "to"))
    counted = count(unit, quantity, from_on=from_on, to_on=to_on, tier=row["quantity"])
    assert format_krw(price_counted(parse_krw(row["price"]), counted)) == row["charge"]


def test_the_example_signs_a_report() -> None:
    [example] = PAGE.fences("python")
    made: dict[str, Any] = {}
    exec(example, made)
    assert key_named(made["signed"]) == "rk-000001"
    report = read_report(payload_of(made["signed"], made["public_key"]))
    assert (report.iss, report.lines[0].id, report.lines[0].quantity) == ("nuri", "order-4711", "12.5")
    with pytest.raises(BadSignature):
        payload_of(made["signed"], "A" * 43)
