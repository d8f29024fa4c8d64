"""A sheet as a tagged PDF, set by Typst from a template of ours, with its Korean font embedded.

What a company calls itself is data to the template, never markup. No network, no font of the machine's and
no file but the template and the font is asked for, so that the same sheet gives the same pages anywhere.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

import typst

from billing.statements.as_csv import exact_text
from billing.statements.sheet import Column, Row, Sheet, Table

ROWS_MAX: Final = 5_000  # some hundred pages; more is for the files that programs read
FONT: Final = "Noto Sans KR"
_TEMPLATE: Final = Path(__file__).with_name("statement.typ")


class TooLong(ValueError):
    """The statement has more lines than a PDF is set with."""


def as_pdf(sheet: Sheet) -> bytes:
    """Takes a tenth of a second: call it in a thread. Raises TooLong."""
    if len(sheet.lines.rows) > ROWS_MAX:
        raise TooLong(f"a PDF has at most {ROWS_MAX} lines")
    data = {
        "language": sheet.language,
        "font": FONT,
        "title": sheet.title,
        "facts": [list(fact) for fact in sheet.facts],
        "caption": sheet.caption,
        "tables": [
            _table(table, sheet.minus)
            for table in (sheet.lines, sheet.invoices)
            if table.rows or table.closing
        ],
        "notes": list(sheet.notes),
        "page": sheet.page,
    }
    made = typst.compile(
        _TEMPLATE,
        font_paths=[Path(str(resources.files("pylopdf_fonts_ko")))],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )
    assert isinstance(made, bytes), "one document is asked for, and no file"
    return made


def _table(table: Table, minus: str) -> dict[str, Any]:
    columns = [(place, column) for place, column in enumerate(table.columns) if column.on_paper]
    return {
        "title": table.title,
        "heads": [column.title for _, column in columns],
        "kinds": [column.kind for _, column in columns],
        "wide": _wide(table, [column for _, column in columns]),
        "rows": [_cells(row, columns, minus) for row in table.rows],
        "closing": [_cells(row, columns, minus) for row in table.closing],
    }


def _wide(table: Table, columns: list[Column]) -> list[bool]:
    """Where nothing asks for the room that is left, all columns share it."""
    wide = [
        column.is_wide
        if column.is_wide is not None
        else column.kind == "text" and not (place < 2 and table.closing)
        for place, column in enumerate(columns)
    ]
    return wide if any(wide) else [True] * len(wide)


def _cells(row: Row, columns: list[tuple[int, Column]], minus: str) -> list[str]:
    return [_cell(row[place], column, minus) for place, column in columns]


def _cell(value: str | int, column: Column, minus: str) -> str:
    if isinstance(value, str):
        return value
    sign = minus if value < 0 else ""
    if column.kind != "exact":
        return f"{sign}{abs(value):,}"
    won, _, rest = exact_text(abs(value)).partition(".")
    return f"{sign}{int(won):,}.{rest}"
