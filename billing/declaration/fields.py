"""The fields of a declaration as types: what each takes, and in one sentence why it takes nothing else. Pure.

Text stays text, a number of tokens is an integer, money is an integer or a decimal string. No reason repeats
a value that may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from billing.declaration.yaml_tree import YamlFloat
from metering.money import AMOUNT_MICRO_MAX, MICRO_PER_WON

ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
LABEL: Final = re.compile(r"[^\W_][\w .-]{0,63}")
EMAIL: Final = re.compile(r"[^@\s\"<>,;]{1,64}@[^@\s\"<>,;]{1,189}")
API_KEY: Final = re.compile(r"vg_[A-Za-z0-9_-]{16,128}")

BUDGET_MICRO_MAX: Final = 9_000_000_000_000 * MICRO_PER_WON  # what a bigint holds, rounded down
PRICE_MICRO_MAX: Final = 1_000_000_000 * MICRO_PER_WON
# The won has been between 600 and 2,000 to the dollar since it floats: anything far from that is a slip.
KRW_PER_USD_MIN: Final = 100
KRW_PER_USD_MAX: Final = 10_000
COUNT_MAX: Final = 1_000_000_000
TIMEOUT_MS_MAX: Final = 3_600_000
PASSWORD_CHARACTERS_MIN: Final = 12

_AMOUNT: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,6}))?")
_SHARE: Final = re.compile(r"(?:0(?:\.[0-9]{1,6})?|1(?:\.0{1,6})?)")
_SECONDS: Final = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,3})?")
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_DAY: Final = re.compile(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,3})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BRN_WEIGHTS: Final = (1, 3, 7, 1, 3, 7, 1, 3, 5)


def _micro(value: object, *, micro_max: int) -> int:
    if isinstance(value, YamlFloat):
        raise ValueError(f"{value.text} is a YAML float: write an integer, or a decimal number in quotes")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("must be an integer or a decimal string")
    match = _AMOUNT.fullmatch(str(value))
    if match is None:
        raise ValueError("must be an integer or a decimal string: not negative, at most six places, no signs")
    micro = int(match[1]) * MICRO_PER_WON + int((match[2] or "").ljust(6, "0"))
    if micro > micro_max:
        raise ValueError(f"must be at most {micro_max // MICRO_PER_WON:,} won")
    return micro


def _amount(value: object) -> int:
    return _micro(value, micro_max=AMOUNT_MICRO_MAX)


def _budget(value: object) -> int:
    return _micro(value, micro_max=BUDGET_MICRO_MAX)


def _price(value: object) -> int:
    return _micro(value, micro_max=PRICE_MICRO_MAX)


def _rate(value: object) -> int:
    micro = _micro(value, micro_max=AMOUNT_MICRO_MAX)
    if not KRW_PER_USD_MIN * MICRO_PER_WON <= micro <= KRW_PER_USD_MAX * MICRO_PER_WON:
        raise ValueError(
            f"must be the won one US dollar costs, from {KRW_PER_USD_MIN:,} to {KRW_PER_USD_MAX:,}"
        )
    return micro


def _share(value: object) -> int:
    if isinstance(value, YamlFloat):
        raise ValueError(f'{value.text} is a YAML float: write it in quotes, "{value.text}"')
    if isinstance(value, bool) or not isinstance(value, int | str) or not _SHARE.fullmatch(str(value)):
        raise ValueError('must be a decimal string from "0" to "1" with at most six places')
    return int(Decimal(value) * 1_000_000)


def _count(value: object) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be an integer")
    return value


def _within(low: int, high: int) -> AfterValidator:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"must be from {low:,} to {high:,}")
        return value

    return AfterValidator(check)


def _timeout_ms(value: object) -> int:
    text = value.text if isinstance(value, YamlFloat) else str(value)
    if isinstance(value, bool) or not _SECONDS.fullmatch(text):
        raise ValueError("must be a number of seconds with at most three places")
    milliseconds = int(Decimal(text) * 1000)
    if not 1 <= milliseconds <= TIMEOUT_MS_MAX:
        raise ValueError("must be above 0 and at most 3600 seconds")
    return milliseconds


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a day as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is no day of the calendar") from None


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time and how it was written."""

    text: str
    at: datetime


def _instant(value: object) -> Instant:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("must be a time with its zone, as 2026-01-01T00:00:00+09:00")
    try:
        return Instant(value, datetime.fromisoformat(value))
    except ValueError:
        raise ValueError("is no time of the calendar") from None


def _brn(value: object) -> str:
    digits = str(value).replace("-", "") if isinstance(value, int | str) else ""
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise ValueError("must be a business registration number of ten digits")
    total = sum(int(digit) * weight for digit, weight in zip(digits, _BRN_WEIGHTS, strict=False))
    total += int(digits[8]) * 5 // 10
    if (10 - total % 10) % 10 != int(digits[9]):
        raise ValueError("is no business registration number: the check digit is wrong")
    return digits


def _like(pattern: re.Pattern[str], reason: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(reason)
        return value

    return AfterValidator(check)


def _printable(value: str) -> str:
    if _CONTROL.search(value) or not value.strip():
        raise ValueError("must be one line of text")
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError("must be an address or a network, as 203.0.113.0/24 or 2001:db8::/32") from None


def _products(value: list[str]) -> list[str]:
    if not value:
        raise ValueError('must name at least one product, or "*"')
    if "*" in value and value != ["*"]:
        raise ValueError('"*" stands alone')
    return sorted(set(value))


def _some(value: list[str]) -> list[str]:
    if not value:
        raise ValueError("must not be empty")
    return sorted(set(value))


def _unslashed(value: str) -> str:
    return value.rstrip("/")


def _long_enough(value: str) -> str:
    if not PASSWORD_CHARACTERS_MIN <= len(value) <= 1024:
        raise ValueError(f"must have at least {PASSWORD_CHARACTERS_MIN} characters")
    return value


Id = Annotated[str, _like(ID, "must match [a-z0-9][a-z0-9._-]{0,63}")]
ProductPattern = Annotated[str, _like(re.compile(rf"\*|{ID.pattern}"), 'must be the id of a product, or "*"')]
Label = Annotated[
    str,
    _like(
        LABEL,
        "must be 1 to 64 letters, digits, blanks, ., _ or -, and begin with a letter or digit",
    ),
]
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
Word = Annotated[str, _like(re.compile(r"[!-~]{1,500}"), "must be 1 to 500 ASCII characters without blanks")]
# Of a vendor: of several parts in some, the last a token of a session.
Credential = Annotated[
    str, _like(re.compile(r"[!-~]{1,4000}"), "must be 1 to 4,000 ASCII characters without blanks")
]
Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_unslashed)]
Email = Annotated[str, _like(EMAIL, "must be a mail address"), AfterValidator(str.lower)]
# What is written differs from what it becomes: the schema of the office API shows the former.
Brn = Annotated[str, BeforeValidator(_brn, json_schema_input_type=int | str)]
Amount = Annotated[int, BeforeValidator(_amount, json_schema_input_type=int | str)]
Budget = Annotated[int, BeforeValidator(_budget, json_schema_input_type=int | str)]
Price = Annotated[int, BeforeValidator(_price, json_schema_input_type=int | str)]
Rate = Annotated[int, BeforeValidator(_rate, json_schema_input_type=int | str)]
Share = Annotated[int, BeforeValidator(_share, json_schema_input_type=int | str)]
Natural = Annotated[int, BeforeValidator(_count), _within(0, COUNT_MAX)]
Positive = Annotated[int, BeforeValidator(_count), _within(1, COUNT_MAX)]
Rank = Annotated[int, BeforeValidator(_count), _within(0, 1_000_000)]
Weight = Annotated[int, BeforeValidator(_count), _within(1, 1_000_000)]
Days = Annotated[int, BeforeValidator(_count), _within(0, 36_500)]
TimeoutMs = Annotated[int, BeforeValidator(_timeout_ms, json_schema_input_type=int | str)]
Day = Annotated[date, BeforeValidator(_day)]
When = Annotated[Instant, BeforeValidator(_instant, json_schema_input_type=datetime)]
Country = Annotated[str, _like(re.compile(r"[A-Z]{2}"), "must be a country, two capital letters (ISO 3166)")]
Countries = Annotated[list[Country], AfterValidator(_some)]
Networks = Annotated[list[Annotated[str, AfterValidator(_network)]], AfterValidator(_some)]
Products = Annotated[list[ProductPattern], AfterValidator(_products)]
KeyText = Annotated[str, _like(API_KEY, "must match vg_[A-Za-z0-9_-]{16,128}")]
Password = Annotated[str, AfterValidator(_long_enough)]


class Strict(BaseModel):
    """What a part of a declaration is: unknown fields are refused, and no type is guessed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
