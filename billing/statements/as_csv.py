"""A sheet as CSV: UTF-8 with a byte order mark, as spreadsheets in Korea open it. Pure.

The file is data alone: one header, the lines, the total and the rest carried forward. A text that a
spreadsheet would take for a formula is quoted with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from billing.statements.sheet import CellKind, Sheet, Value

BOM: Final = "\ufeff"
# Also in the full width that spreadsheets in East Asia take for the same signs.
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def as_csv(sheet: Sheet) -> bytes:
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerow([plain(column.title) for column in sheet.lines.columns])
    for row in (*sheet.lines.rows, *sheet.lines.closing):
        cells = zip(row, sheet.lines.columns, strict=True)
        writer.writerow([_cell(value, column.kind) for value, column in cells])
    return (BOM + made.getvalue()).encode()


def _cell(value: Value, kind: CellKind) -> str:
    if isinstance(value, str):
        return plain(value)
    return exact_text(value) if kind == "exact" else str(value)


def plain(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text


def exact_text(micro: int) -> str:
    """Won with six places: in a column, they stand under each other."""
    sign = "-" if micro < 0 else ""
    won, rest = divmod(abs(micro), 1_000_000)
    return f"{sign}{won}.{rest:06d}"
