"""A provider's usage statement, CSV or JSON lines, into rows. Pure; every byte of it is hostile.

Either form has the same names: `request_id` (required: the id the provider gave our call), `input_tokens`
(the whole input), `cached_input_tokens` (its part read from a cache), `output_tokens` (the whole output) and
`amount_krw`. What else stands in it is left alone. A fault names its line and column.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from metering.money import AmountError, parse_krw

StatementFormat = Literal["csv", "jsonl"]

CHARACTERS_MAX: Final = 4 * 1024 * 1024
ROWS_MAX: Final = 20_000
COLUMNS_MAX: Final = 64
CELL_CHARACTERS_MAX: Final = 1_000
LINE_CHARACTERS_MAX: Final = 16_384
REQUEST_ID_CHARACTERS_MAX: Final = 200

_COUNT: Final = re.compile(r"[0-9]{1,12}")
_COUNTS: Final = ("input_tokens", "cached_input_tokens", "output_tokens")
NAMES: Final = ("request_id", *_COUNTS, "amount_krw")


class BadStatement(ValueError):
    """`line` counts from 1; `column` is a name, None where the whole line is meant."""

    def __init__(self, line: int, column: str | None, english: str, korean: str) -> None:
        super().__init__(english)
        self.line = line
        self.column = column
        self.english = english
        self.korean = korean


@dataclass(frozen=True, slots=True)
class TheirCall:
    """None: the statement does not say."""

    line: int
    request_id: str
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    amount_micro: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    characters: int
    rows: int


AT_ONCE: Final = Limits(CHARACTERS_MAX, ROWS_MAX)
AS_A_JOB: Final = Limits(16 * 1024 * 1024, 200_000)


def read_statement(text: str, form: StatementFormat) -> list[TheirCall]:
    """Whole, or not at all. Raises BadStatement."""
    return list(calls_of_statement(text, form, AT_ONCE))


def calls_of_statement(text: str, form: StatementFormat, limits: Limits) -> Iterator[TheirCall]:
    """One after the other; nothing of it may be used before the last one came. Raises BadStatement."""
    text = text.removeprefix("\ufeff")
    if len(text) > limits.characters:
        raise BadStatement(
            1, None, f"A statement has at most {limits.characters} characters.", "파일이 너무 큽니다."
        )
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadStatement(line, None, "A NUL is no text.", "텍스트 파일이 아닙니다.")
    rows = 0
    for line, values in (_csv_rows if form == "csv" else _json_rows)(text):
        if rows == limits.rows:
            most = limits.rows
            raise BadStatement(
                line, None, f"A statement has at most {most} rows.", f"최대 {most}행까지 가능합니다."
            )
        rows += 1
        yield _call(line, values)
    if not rows:
        raise BadStatement(1, None, "The statement has no rows.", "내용이 없습니다.")


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    while True:
        first_line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise BadStatement(
                first_line, None, f"This is no CSV: {error}.", "CSV 형식이 올바르지 않습니다."
            ) from None
        if row is None:
            return
        if not row:
            continue
        if len(row) > COLUMNS_MAX:
            raise BadStatement(
                first_line, None, f"A row has at most {COLUMNS_MAX} columns.", "열이 너무 많습니다."
            )
        for place, cell in enumerate(row):
            if len(cell) > CELL_CHARACTERS_MAX:
                column = names[place] if names and place < len(names) else str(place + 1)
                raise BadStatement(first_line, column, "The cell is too long.", "값이 너무 깁니다.")
        if names is None:
            names = _heads(row, first_line)
        elif len(row) != len(names):
            raise BadStatement(
                first_line,
                None,
                f"The row has {len(row)} columns, the first line {len(names)}.",
                "열의 수가 첫 줄과 다릅니다.",
            )
        else:
            yield first_line, {name: cell for name, cell in zip(names, row, strict=True) if cell != ""}


def _heads(row: list[str], line: int) -> list[str]:
    names = [cell.strip().lower() for cell in row]
    for name in NAMES:
        if names.count(name) > 1:
            raise BadStatement(line, name, "The column is there twice.", "같은 열이 두 번 있습니다.")
    if "request_id" not in names:
        known = ", ".join(NAMES)
        raise BadStatement(
            line,
            "request_id",
            f"The first line names the columns: {known}.",
            f"첫 줄에 열 이름이 필요합니다: {known}",
        )
    return names


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for line, part in enumerate(text.split("\n"), 1):
        if not part.strip():
            continue
        if len(part) > LINE_CHARACTERS_MAX:
            raise BadStatement(line, None, "The line is too long.", "줄이 너무 깁니다.")
        try:
            row = json.loads(part, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise BadStatement(line, None, "The line is no JSON object.", "JSON 객체가 아닙니다.") from None
        if not isinstance(row, dict):
            raise BadStatement(line, None, "The line is no JSON object.", "JSON 객체가 아닙니다.")
        yield line, {name: value for name, value in row.items() if value is not None}


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _call(line: int, values: Mapping[str, object]) -> TheirCall:
    request_id = values.get("request_id")
    if (
        not isinstance(request_id, str)
        or not 1 <= len(request_id.strip()) <= REQUEST_ID_CHARACTERS_MAX
        or not _is_text(request_id)
    ):
        raise BadStatement(
            line,
            "request_id",
            f"A request id is text of 1 to {REQUEST_ID_CHARACTERS_MAX} characters.",
            "요청 번호가 올바르지 않습니다.",
        )
    counts = {name: _read(line, name, values, _count) for name in _COUNTS}
    cached, whole = counts["cached_input_tokens"], counts["input_tokens"]
    if cached is not None and (whole is None or cached > whole):
        raise BadStatement(
            line,
            "cached_input_tokens",
            "What was read from a cache is a part of input_tokens.",
            "캐시 입력 토큰은 입력 토큰보다 클 수 없습니다.",
        )
    return TheirCall(
        line, request_id.strip(), **counts, amount_micro=_read(line, "amount_krw", values, _amount)
    )


def _is_text(value: str) -> bool:
    """An escaped NUL, or half a character, is none that the books could keep."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _read(line: int, name: str, values: Mapping[str, object], read: Callable[[object], int]) -> int | None:
    if name not in values:
        return None
    try:
        return read(values[name])
    except ValueError:
        raise BadStatement(
            line,
            name,
            "This is no such number: a count, or won with up to six places.",
            "숫자가 올바르지 않습니다.",
        ) from None


def _count(value: object) -> int:
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or not _COUNT.fullmatch(value.strip()) or not value.isascii():
        raise ValueError("no count")
    return int(value)


def _amount(value: object) -> int:
    """JSON floats are refused: who has fractions of a won sends them as text."""
    if type(value) is not int and not isinstance(value, str):
        raise AmountError("no amount")
    return parse_krw(value.strip() if isinstance(value, str) else value)
