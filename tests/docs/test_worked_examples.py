"""Every figure of a worked example in the concepts is asked of the code that would charge it."""

from __future__ import annotations

import pytest

from metering.money import format_krw, parse_krw
from metering.prices import PriceEntry
from metering.shares import capacity, split_micro
from metering.usage import Usage
from providers.bounds import input_tokens_max, output_tokens_max
from providers.facts import RequestFacts
from tests.docs.pages import Row, page, tables

SHARES = tables(page("docs/concepts/vouchers-and-shares.md").text)
METERING = tables(page("docs/concepts/metering.md").text)


def share_ppm(row: Row) -> int:
    return parse_krw(row["share"])  # parts per million, as won have micro-won


def with_columns(found: list[list[Row]], *columns: str) -> list[Row]:
    [rows] = [rows for rows in found if set(columns) <= set(rows[0])]
    return rows


@pytest.mark.parametrize("row", with_columns(SHARES, "supply value"))
def test_a_statement_s_line(row: Row) -> None:
    parts = split_micro(0, parse_krw(row["supply value"]), share_ppm(row))
    assert tuple(map(format_krw, parts)) == (row["government"], row["self"])


@pytest.mark.parametrize("row", with_columns(SHARES, "total before"))
def test_a_step_on_the_line(row: Row) -> None:
    before, after = parse_krw(row["total before"]), parse_krw(row["total after"])
    assert after - before == parse_krw(row["charge"])
    assert tuple(map(format_krw, split_micro(before, after, share_ppm(row)))) == (
        row["government"],
        row["self"],
    )


@pytest.mark.parametrize("row", with_columns(SHARES, "capacity"))
def test_how_far_the_line_reaches(row: Row) -> None:
    reach = capacity(
        grant_micro=parse_krw(row["grant"]),
        deposit_micro=parse_krw(row["deposit"]),
        share_ppm=share_ppm(row),
    )
    assert (format_krw(reach.total_micro), reach.stopped_by) == (row["capacity"], row["stopped by"])


@pytest.mark.parametrize("row", with_columns(METERING, "most it can cost"))
def test_a_ceiling(row: Row) -> None:
    facts = RequestFacts(
        purpose="chat", model="nuri-x1", body_bytes=int(row["body"]), output_limit=int(row["limit"])
    )
    tokens_in = input_tokens_max(facts, context_tokens=128_000, input_overhead_tokens=int(row["overhead"]))
    tokens_out = output_tokens_max(facts, product_max_output_tokens=4096)
    assert (tokens_in, tokens_out) == (int(row["input bound"]), int(row["output bound"]))
    price = price_of(row)
    most = price.ceiling_micro(input_tokens_max=tokens_in, output_tokens_max=tokens_out)
    least = price.ceiling_micro(input_tokens_max=tokens_in, output_tokens_max=1)
    assert (format_krw(most), format_krw(least)) == (row["most it can cost"], row["the least answer"])


@pytest.mark.parametrize("row", with_columns(METERING, "charge"))
def test_a_charge(row: Row) -> None:
    used = Usage(input=int(row["input"]), cached_input=int(row["cached"]), output=int(row["output"]))
    assert format_krw(price_of(row).charge_micro(used)) == row["charge"]


def price_of(row: Row) -> PriceEntry:
    return PriceEntry(
        entry_id="nuri-x1@2026",
        valid_from="2026-01-01T00:00:00+09:00",
        valid_from_ms=0,
        input=parse_krw(row["input price"]),
        cached_input=parse_krw(row.get("cached price", row["input price"])),
        output=parse_krw(row["output price"]),
    )
