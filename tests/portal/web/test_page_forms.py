"""How people write amounts, days and rates; what a field of rows becomes; what is refused, and where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.problem import Problem
from portal.web import formats
from portal.web.forms import EntriesRefused, Field, entered, values_of
from portal.web.visit import Form, read_form


def read(kind: Any, text: str) -> Any:
    return values_of([Field("x", kind)], Form({"x": [text]})).get("x")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("won", "1,000,000", "1000000"),
        ("won", "100만", "1000000"),
        ("won", "1.5억", "150000000"),
        ("won", " 7 500 원", "7500"),
        ("won", "₩0.000001", "0.000001"),
        ("won", "", None),
        ("day", "2026.10.31", "2026-10-31"),
        ("day", "20261031", "2026-10-31"),
        ("day", "2026-10-31", "2026-10-31"),
        ("day", "2026. 10. 31.", "2026-10-31"),
        ("instant", "2026-03-24T15:00", "2026-03-24T15:00:00+09:00"),
        ("instant", "2026-03-24 15:00:30", "2026-03-24T15:00:30+09:00"),
        ("count", "50", 50),
        ("share", "75", "0.75"),
        ("share", "66.6667%", "0.666667"),
        ("share", "100", "1"),
        ("share", "0", "0"),
        ("line", "  가온  ", "가온"),
    ],
)
def test_what_people_write(kind: str, text: str, value: object) -> None:
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[("won", text) for text in ("-1", "1e9", "NaN", "백만", "1.0000001", "1" * 40, "\u0661\u0662")],
        *[("day", text) for text in ("2026-02-30", "31.10.2026", "2026", "2026-13-01", "어제")],
        *[("instant", text) for text in ("2026-03-24T25:00", "15:00", "2026-03-24T15:00+09:00x")],
        *[("instant", text) for text in ("2026-03-24T15:00:00Z", "2026-03-24 15:00:00+00:00")],
        *[("count", text) for text in ("-1", "1.5", "٣", "9" * 10)],
        *[("share", text) for text in ("101", "-1", "inf", "nan", "1e400", "9" * 13)],
        ("choice", "none of them"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(kind: str, text: str) -> None:
    with pytest.raises(EntriesRefused) as refused:
        read(kind, text)
    assert list(refused.value.fields) == ["x"]


@given(won=st.integers(0, 10**12), rest=st.integers(0, 999_999))
def test_an_amount_with_commas_is_the_amount(won: int, rest: int) -> None:
    assert formats.micro_of(read("won", f"{won:,}.{rest:06d}")) == won * 1_000_000 + rest


SHARES = Field(
    "shares",
    "rows",
    required=True,
    rows=3,
    parts=(Field("class", required=True), Field("share", "share", required=True)),
    made_of=lambda rows: {row["class"]: row["share"] for row in rows},
)


def test_rows_are_those_that_have_something_in_them() -> None:
    form = Form(
        {
            "shares.0.class": ["sme"],
            "shares.0.share": ["75"],
            "shares.2.class": ["startup"],
            "shares.2.share": ["90"],
        }
    )
    assert values_of([SHARES], form) == {"shares": {"sme": "0.75", "startup": "0.9"}}
    assert entered([SHARES], form)["shares.2.class"] == "startup"


@pytest.mark.parametrize("values", [{}, {"shares.0.class": ["sme"]}, {"shares.0.share": ["75"]}])
def test_half_a_row_is_refused(values: dict[str, list[str]]) -> None:
    with pytest.raises(EntriesRefused) as refused:
        values_of([SHARES], Form(values))
    assert refused.value.fields == {"shares": "error.required"}


def test_all_that_is_wrong_is_told_at_once() -> None:
    fields = [Field("a", "won"), Field("b", "day"), Field("c", required=True), Field("d")]
    with pytest.raises(EntriesRefused) as refused:
        values_of(fields, Form({"a": ["x"], "b": ["y"], "d": ["fine"]}))
    assert refused.value.fields == {"a": "error.won", "b": "error.day", "c": "error.required"}


def test_a_form_has_so_many_fields() -> None:
    assert read_form(b"a=1&a=2&b=").all("a") == ["1", "2"]
    assert read_form(b"\xff=%ff").values
    with pytest.raises(Problem) as refused:
        read_form(b"&".join(b"f%d=1" % n for n in range(500)))
    assert refused.value.status == 413
