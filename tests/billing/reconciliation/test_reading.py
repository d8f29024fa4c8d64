"""A provider's file is hostile: read whole, or refused with the line and the column."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.reconciliation.reading import (
    CELL_CHARACTERS_MAX,
    CHARACTERS_MAX,
    LINE_CHARACTERS_MAX,
    ROWS_MAX,
    BadStatement,
    StatementFormat,
    TheirCall,
    read_statement,
)

HEAD = "request_id,input_tokens,cached_input_tokens,output_tokens,amount_krw\n"


@pytest.mark.parametrize(
    ("form", "text", "calls"),
    [
        ("csv", HEAD + "r-1,12,2,40,0.215\n", [TheirCall(2, "r-1", 12, 2, 40, 215_000)]),
        (
            "csv",
            "\ufeffREQUEST_ID , note\r\nr-1,x\r\n\r\nr-2,y\r\n",
            [TheirCall(2, "r-1"), TheirCall(4, "r-2")],
        ),
        ("csv", 'request_id,note\n"r,1","two\nlines"\nr-2,x\n', [TheirCall(2, "r,1"), TheirCall(4, "r-2")]),
        ("csv", HEAD + "r-1,,,,\n", [TheirCall(2, "r-1")]),
        (
            "jsonl",
            '{"request_id": "r-1", "output_tokens": 7, "more": {"a": [1]}}\n\n',
            [TheirCall(1, "r-1", output_tokens=7)],
        ),
        (
            "jsonl",
            '{"request_id":"r","amount_krw":3}\r\n{"request_id":"s","amount_krw":null}',
            [TheirCall(1, "r", amount_micro=3_000_000), TheirCall(2, "s")],
        ),
    ],
)
def test_rows(form: StatementFormat, text: str, calls: list[TheirCall]) -> None:
    assert read_statement(text, form) == calls


@pytest.mark.parametrize(
    ("form", "text", "line", "column"),
    [
        ("csv", "", 1, None),
        ("csv", "\n\n", 1, None),
        ("csv", "id,tokens\nr,1\n", 1, "request_id"),
        ("csv", "request_id,amount_krw,amount_krw\n", 1, "amount_krw"),
        ("csv", HEAD, 1, None),
        ("csv", HEAD + "r-1,1,0,1\n", 2, None),
        ("csv", HEAD + ",1,0,1,1\n", 2, "request_id"),
        ("csv", HEAD + "r-1,1.5,0,1,1\n", 2, "input_tokens"),
        ("csv", HEAD + "r-1,-1,,1,1\n", 2, "input_tokens"),
        ("csv", HEAD + "r-1,１,,1,1\n", 2, "input_tokens"),
        ("csv", HEAD + "r-1,1,2,1,1\n", 2, "cached_input_tokens"),
        ("csv", HEAD + "r-1,,2,1,1\n", 2, "cached_input_tokens"),
        ("csv", HEAD + "r-1,1,,1,1e3\n", 2, "amount_krw"),
        ("csv", HEAD + "r-1,1,,1,0.0000001\n", 2, "amount_krw"),
        ("csv", HEAD + "r-1,1,,1," + "9" * 40 + "\n", 2, "amount_krw"),
        ("csv", HEAD + "r-1,1,,9999999999999,1\n", 2, "output_tokens"),
        ("csv", HEAD + "r-1,1,,1,1\n" + '"never closed\n' * 3, 3, None),
        ("csv", HEAD + '"r"1,1,,1,1\n', 2, None),
        ("csv", HEAD + "r" * (CELL_CHARACTERS_MAX + 1) + ",1,,1,1\n", 2, "request_id"),
        ("csv", HEAD + "r" * 201 + ",1,,1,1\n", 2, "request_id"),
        ("csv", ",".join(["request_id", *map(str, range(64))]) + "\n", 1, None),
        ("csv", HEAD + "r-1,1,,1,1\nr\0,1,,1,1\n", 3, None),
        ("csv", "x" * (CHARACTERS_MAX + 1), 1, None),
        ("csv", "request_id\n" + "r\n" * (ROWS_MAX + 1), ROWS_MAX + 2, None),
        ("jsonl", "[1]", 1, None),
        ("jsonl", '{"request_id": "r"}\n{"request_id"', 2, None),
        ("jsonl", '{"request_id": 7}', 1, "request_id"),
        ("jsonl", r'{"request_id": "a\u0000b"}', 1, "request_id"),
        ("jsonl", r'{"request_id": "\ud800"}', 1, "request_id"),
        ("jsonl", '{"output_tokens": 7}', 1, "request_id"),
        ("jsonl", '{"request_id": "r", "output_tokens": true}', 1, "output_tokens"),
        ("jsonl", '{"request_id": "r", "output_tokens": [1]}', 1, "output_tokens"),
        ("jsonl", '{"request_id": "r", "output_tokens": 1.0}', 1, "output_tokens"),
        ("jsonl", '{"request_id": "r", "amount_krw": 0.5}', 1, "amount_krw"),
        ("jsonl", '{"request_id": "r", "amount_krw": NaN}', 1, None),
        ("jsonl", '{"request_id": "r", "more": ' + "[" * 8_000 + "]" * 8_000 + "}", 1, None),
        ("jsonl", '{"request_id": "' + "r" * LINE_CHARACTERS_MAX + '"}', 1, None),
        ("jsonl", '{"request_id": "r", "output_tokens": ' + "9" * 5_000 + "}", 1, None),
    ],
)
def test_a_fault_names_its_line_and_column(
    form: StatementFormat, text: str, line: int, column: str | None
) -> None:
    with pytest.raises(BadStatement) as bad:
        read_statement(text, form)
    assert (bad.value.line, bad.value.column) == (line, column)
    assert bad.value.english
    assert bad.value.korean


@settings(deadline=None)
@given(st.text(), st.sampled_from(["csv", "jsonl"]))
def test_any_text_is_read_or_refused(text: str, form: StatementFormat) -> None:
    for tried in (text, f"request_id,amount_krw\n{text}"):
        try:
            assert read_statement(tried, form)
        except BadStatement:
            pass  # in words
