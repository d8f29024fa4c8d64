"""The fields of a declaration: what each takes, what it makes of it, and what it says otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from billing.declaration import fields
from billing.declaration.yaml_tree import YamlFloat
from metering.money import AMOUNT_MICRO_MAX, format_krw, parse_krw


def take(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value, strict=True)


def refusal(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        take(kind, value)
    return str(refused.value.errors()[0]["msg"]).removeprefix("Value error, ")


@given(st.integers(0, AMOUNT_MICRO_MAX))
def test_every_amount_we_show_is_taken_for_what_it_is(micro: int) -> None:
    assert take(fields.Amount, format_krw(micro)) == micro


@given(st.one_of(st.integers(), st.text(alphabet="0123456789.-+eE_ ,")))
def test_an_amount_is_exact_or_refused(value: int | str) -> None:
    try:
        micro = take(fields.Amount, value)
    except ValidationError:
        return
    assert micro == parse_krw(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (YamlFloat("1.5"), "1.5 is a YAML float: write an integer, or a decimal number in quotes"),
        (1.5, "must be an integer or a decimal string"),
        (True, "must be an integer or a decimal string"),
        (None, "must be an integer or a decimal string"),
        ("1,000", "must be an integer or a decimal string: not negative"),
        ("1e3", "must be an integer or a decimal string: not negative"),
        ("-1", "must be an integer or a decimal string: not negative"),
        (-1, "must be an integer or a decimal string: not negative"),
        ("0.0000001", "must be an integer or a decimal string: not negative"),
        ("１", "must be an integer or a decimal string: not negative"),
        (9_007_199_255, "must be at most 9,007,199,254 won"),
    ],
)
def test_what_is_no_amount(value: object, reason: str) -> None:
    assert refusal(fields.Amount, value).startswith(reason)


def test_a_programme_s_budget_reaches_further_than_a_purse() -> None:
    assert take(fields.Budget, 50_000_000_000) == 50_000_000_000 * 1_000_000


@pytest.mark.parametrize(("value", "ppm"), [("0.90", 900_000), ("1", 1_000_000), (0, 0), ("0.000001", 1)])
def test_a_share_is_kept_in_parts_per_million(value: object, ppm: int) -> None:
    assert take(fields.Share, value) == ppm


@pytest.mark.parametrize("value", ["1.1", "0.1234567", "75%", "-0.5", YamlFloat("0.75"), 2, True, ""])
def test_what_is_no_share(value: object) -> None:
    assert refusal(fields.Share, value)


@pytest.mark.parametrize(
    "brn",
    ["111-11-11119", "2222222227", "333-33-33336", "1118111112", "222-81-22224", "3338133337", 1118111112],
)
def test_a_business_number(brn: object) -> None:
    assert len(take(fields.Brn, brn)) == 10


@pytest.mark.parametrize(
    ("brn", "reason"),
    [
        ("123-45-67890", "is no business registration number: the check digit is wrong"),
        ("1118111113", "is no business registration number: the check digit is wrong"),
        ("111811111", "must be a business registration number of ten digits"),
        (YamlFloat("1.0"), "must be a business registration number of ten digits"),
    ],
)
def test_what_is_no_business_number(brn: object, reason: str) -> None:
    assert refusal(fields.Brn, brn) == reason


def test_days_and_instants() -> None:
    assert take(fields.Day, "2026-02-28") == date(2026, 2, 28)
    assert refusal(fields.Day, "2026-02-29") == "is no day of the calendar"
    assert refusal(fields.Day, "2026-2-1") == "must be a day as YYYY-MM-DD"
    instant = take(fields.When, "2026-01-01T00:00:00+09:00")
    assert (instant.text, instant.at) == (
        "2026-01-01T00:00:00+09:00",
        datetime(2025, 12, 31, 15, tzinfo=UTC),
    )
    assert take(fields.When, "2026-01-01T00:00:00Z").at == datetime(2026, 1, 1, tzinfo=UTC)
    needs_zone = "must be a time with its zone, as 2026-01-01T00:00:00+09:00"
    assert refusal(fields.When, "2026-01-01T00:00:00") == needs_zone
    assert refusal(fields.When, "2026-01-01") == needs_zone
    assert refusal(fields.When, "2026-13-01T00:00:00Z") == "is no time of the calendar"


@pytest.mark.parametrize(
    ("value", "milliseconds"), [(5, 5000), ("0.25", 250), (YamlFloat("1.5"), 1500), (3600, 3_600_000)]
)
def test_a_timeout_in_seconds(value: object, milliseconds: int) -> None:
    assert take(fields.TimeoutMs, value) == milliseconds


@pytest.mark.parametrize("value", [0, -1, 3601, "x", True, YamlFloat("1e3"), None])
def test_what_is_no_timeout(value: object) -> None:
    assert refusal(fields.TimeoutMs, value)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (fields.Id, "Nuri", "must match [a-z0-9][a-z0-9._-]{0,63}"),
        (fields.Id, "a" * 65, "must match [a-z0-9][a-z0-9._-]{0,63}"),
        (fields.Id, "a/b", "must match [a-z0-9][a-z0-9._-]{0,63}"),
        (fields.Label, "{1}", "must be 1 to 64 letters"),
        (fields.Name, "  ", "must be one line of text"),
        (fields.Name, "a\nb", "must be one line of text"),
        (fields.Positive, 0, "must be from 1 to 1,000,000,000"),
        (fields.Positive, YamlFloat("1.0"), "must be an integer"),
        (fields.Country, "kr", "must be a country"),
        (fields.Networks, ["10.0.0.1/8"], "must be an address or a network"),
        (fields.Networks, [], "must not be empty"),
        (fields.Products, ["*", "a"], '"*" stands alone'),
        (fields.Products, [], 'must name at least one product, or "*"'),
        (fields.Password, "elevenchars", "must have at least 12 characters"),
        (fields.KeyText, "sk-123", "must match vg_[A-Za-z0-9_-]{16,128}"),
        (fields.Email, "nobody", "must be a mail address"),
    ],
)
def test_what_a_field_does_not_take(kind: Any, value: object, reason: str) -> None:
    assert refusal(kind, value).startswith(reason)


def test_what_fields_take() -> None:
    assert take(fields.Label, "백엔드 2") == "백엔드 2"
    assert take(fields.Positive, "128000") == 128_000
    assert take(fields.Networks, ["2001:db8::/32", "203.0.113.7"]) == ["2001:db8::/32", "203.0.113.7/32"]
    assert take(fields.Url, "https://a.example/v1/") == "https://a.example/v1"
    assert take(fields.Credential, "AKID:secret/+:" + "t" * 3986) == "AKID:secret/+:" + "t" * 3986
    for key in ("t" * 4001, "", "two words", "키", "a\n"):
        assert refusal(fields.Credential, key) == "must be 1 to 4,000 ASCII characters without blanks"
    assert take(fields.Email, "Kim@Example.org") == "kim@example.org"
