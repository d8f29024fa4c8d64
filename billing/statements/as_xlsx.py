"""A sheet as a workbook: the lines, the tax invoices, and where the figures come from. Pure.

Amounts are numbers. A spreadsheet's number is a double: an exact amount that one cannot hold to the
micro-won is text. Text is never a formula, a link or an array.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any, Final

import xlsxwriter

from billing.statements.as_csv import exact_text
from billing.statements.sheet import Column, Row, Sheet, Table

EXACT_MICRO_MAX: Final = 2**53 - 1
_FORMATS: Final = {"count": "#,##0", "won": "#,##0", "exact": "#,##0.000000", "text": "@"}
_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def as_xlsx(sheet: Sheet, *, made_at: datetime) -> bytes:
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, dict(_OPTIONS))
    book.set_properties({"title": sheet.title, "created": made_at.replace(tzinfo=None)})
    shown = {kind: _number(text, sheet.minus) for kind, text in _FORMATS.items()}
    formats = {kind: book.add_format({"num_format": text}) for kind, text in shown.items()}
    sums = {
        kind: book.add_format({"num_format": text, "bold": True, "bg_color": "#EEF2F7", "top": 1})
        for kind, text in shown.items()
    }
    head = book.add_format({"bold": True, "bg_color": "#EEF2F7", "text_wrap": True, "valign": "vcenter"})
    for table in (sheet.lines, sheet.invoices):
        if not table.columns:
            continue
        _write_table(book.add_worksheet(table.title), table, formats, sums, head)
    facts = book.add_worksheet(sheet.conditions)
    facts.set_column(0, 0, 26)
    facts.set_column(1, 1, 70)
    told = [*sheet.facts, ("", sheet.caption), *(("", note) for note in sheet.notes)]
    for place, (name, value) in enumerate(told):
        facts.write_string(place, 0, name)
        facts.write_string(place, 1, value)
    book.close()
    return made.getvalue()


def _number(text: str, minus: str) -> str:
    """A number's format; below zero with the sheet's own mark."""
    return text if text == "@" or minus == "-" else f'{text};"{minus}"{text}'


def _write_table(on: Any, table: Table, formats: dict[str, Any], sums: dict[str, Any], head: Any) -> None:
    on.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        on.set_column(place, place, 16 if column.kind == "text" else 18)
        on.write_string(0, place, column.title, head)
    for number, row in enumerate(table.rows, 1):
        _write_row(on, number, row, table.columns, formats)
    for number, row in enumerate(table.closing, 1 + len(table.rows)):
        _write_row(on, number, row, table.columns, sums)


def _write_row(on: Any, number: int, row: Row, columns: tuple[Column, ...], formats: dict[str, Any]) -> None:
    for place, (value, column) in enumerate(zip(row, columns, strict=True)):
        if isinstance(value, str):
            on.write_string(number, place, value, formats["text"])
        elif column.kind != "exact":
            on.write_number(number, place, value, formats[column.kind])
        elif abs(value) <= EXACT_MICRO_MAX:
            on.write_number(number, place, value / 1_000_000, formats["exact"])
        else:
            on.write_string(number, place, exact_text(value), formats["text"])
