"""The tables of a bundle, column by column, and the reading of a line: docs/reference/audit-bundle.md."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

Json = Mapping[str, object]
Value = int | str | bool | Json | None

RECORDS = ("change", "entry", "posting", "usage", "parked")  # in the order of a batch's leaves
DERIVED = ("balance", "funds")

# name:type, where ? allows null. `count` is an integer that is never below 0.
_COLUMNS = {
    "batch": "number:count root:hash change:count entry:count posting:count usage:count parked:count"
    " at_ms:count previous:hash",
    "usage": "batch:count op:text step:count entry_id:int? lane:lane n:count kind:usage_kind voucher_id:text"
    " programme_id:text charge_micro:count government_micro:int self_micro:int own_micro:count"
    " uncollected_micro:count from_loan_micro:int from_free_micro:int d_charge_micro:int"
    " d_government_micro:int d_self_micro:int d_uncollected_micro:int d_from_loan_micro:int"
    " d_from_free_micro:int company_id:text provider_id:text product_id:text key_id:text api_key:text"
    " tag:text? request_id:text gateway_id:text dialect:text stream:bool status:status end_reason:text"
    " client_gone:bool estimated:bool error:text? started_ms:count held_at_ms:count finished_ms:count"
    " price_entry:text price_from:text upstream:text? upstream_request_id:text? input_tokens:count"
    " cached_input_tokens:count cache_write_tokens:count cache_write_1h_tokens:count output_tokens:count"
    " reasoning_tokens:count input_audio_tokens:count output_audio_tokens:count units:counts",
    "entry": "batch:count id:int kind:entry_kind programme_id:text voucher_id:text provider_id:text?"
    " lane:lane? n:count?",
    "posting": "batch:count entry_id:int leg:count account:text amount_micro:int",
    "parked": "batch:count lane:lane stream_id:text kind:text op:text reason:text payload_sha256:hash",
    "change": "batch:count id:int kind:text row:json",
    "balance": "account:text balance_micro:int",
    "funds": "voucher_id:text company_id:text programme_id:text share_ppm:count government_micro:int"
    " self_micro:int capacity_micro:int free_micro:int charged_micro:int direct_micro:int"
    " expired_government_micro:int expired_self_micro:int",
}
COLUMNS = {
    table: [(name, kind) for name, _, kind in (word.partition(":") for word in words.split())]
    for table, words in _COLUMNS.items()
}
_PLACES = {
    table: {name: place for place, (name, _) in enumerate(columns)} for table, columns in COLUMNS.items()
}

_WORDS = {
    "usage_kind": {"settled", "swept", "true_up", "correction"},
    "entry_kind": {
        "grant", "deposit", "capacity", "lend", "return", "usage", "correction", "expiry",
        "payment", "pay_in", "refund", "dispute", "fee", "holdback", "payout", "paid_out",
        "settlement", "interest", "claw_back", "offset",
    },
    "status": {"settled", "released"},
}  # fmt: skip
UNITS = ("images", "seconds", "characters", "searches", "requests")
_OF_ITS_OWN = {"op", "request_id", "upstream_request_id", "stream_id", "tag", "error"}
_INT = re.compile(r"0|-?[1-9][0-9]{0,29}")
_UNIT = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HASH = re.compile(r"[0-9a-f]{64}")
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPES = {"\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_RAW = re.compile(r"[\b\f\r\v]")  # must be written escaped; tab and line end separate


class Misshapen(Exception):
    """A line that is not as the page has it: (column, what was expected, what stands there)."""

    def __init__(self, column: str, expected: str, found: str) -> None:
        super().__init__(column, expected, found)
        self.column, self.expected, self.found = column, expected, found


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; calls are kept by the million, so it is small."""

    table: str
    _values: tuple[Value, ...]

    @property
    def where(self) -> tuple[str, str]:
        """Its file and its name in a finding."""
        match self.table:
            case "usage":
                name = f"{self.text('op')} step {self['step']}"
            case "posting":
                name = f"entry {self['entry_id']} leg {self['leg']}"
            case "parked":
                name = f"lane {self['lane']} {self.text('stream_id')}"
            case "batch":
                name = f"{self['number']}"
            case "balance":
                name = self.text("account")
            case "funds":
                name = self.text("voucher_id")
            case _:
                name = f"{self['id']}"
        return f"{self.table}.tsv", name

    def value(self, column: str) -> Value:
        return self._values[_PLACES[self.table][column]]

    def __getitem__(self, column: str) -> int:
        value = self.value(column)
        assert isinstance(value, int), column
        return value

    def text(self, column: str) -> str:
        value = self.value(column)
        assert isinstance(value, str), column
        return value

    def json(self, column: str) -> Json:
        value = self.value(column)
        assert isinstance(value, Mapping), column
        return value


def header(table: str) -> str:
    return "\t".join(name for name, _ in COLUMNS[table])


def read_row(table: str, line: bytes) -> Row:
    """One line without its end. Raises Misshapen."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise Misshapen("(line)", "UTF-8", repr(line[:80])) from None
    columns, parts = COLUMNS[table], text.split("\t")
    if len(parts) != len(columns):
        raise Misshapen("(line)", f"{len(columns)} values", f"{len(parts)}")
    return Row(
        table, tuple(_value(name, kind, part) for (name, kind), part in zip(columns, parts, strict=True))
    )


def _value(name: str, kind: str, part: str) -> Value:
    plain = kind.removesuffix("?")
    if part == r"\N":
        if plain == kind:
            raise Misshapen(name, plain, "null")
        return None
    if plain in ("int", "count", "lane"):
        if _INT.fullmatch(part) is None or (plain != "int" and part[0] == "-"):
            raise Misshapen(name, plain, part)
        if plain == "lane" and int(part) > 63:
            raise Misshapen(name, "0 … 63", part)
        return int(part)
    if plain == "bool":
        if part not in ("t", "f"):
            raise Misshapen(name, "t or f", part)
        return part == "t"
    text = _unescaped(name, part)
    if plain == "hash" and _HASH.fullmatch(text) is None:
        raise Misshapen(name, "64 hexadecimal digits", part)
    if plain in _WORDS and text not in _WORDS[plain]:
        raise Misshapen(name, " or ".join(sorted(_WORDS[plain])), part)
    if plain in ("json", "counts"):
        return _object(name, text, counts=plain == "counts")
    return text if name in _OF_ITS_OWN else sys.intern(text)


def _unescaped(name: str, part: str) -> str:
    if "\\" not in part and _RAW.search(part) is None:
        return part
    if _RAW.search(part) is not None or any(m[1] not in _ESCAPES for m in _ESCAPED.finditer(part)):
        raise Misshapen(name, "text as COPY writes it", part)
    return _ESCAPED.sub(lambda match: _ESCAPES[match[1]], part)


def _object(name: str, text: str, *, counts: bool) -> Json:
    def no_float(word: str) -> object:
        raise Misshapen(name, "integers only", word)

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise Misshapen(name, "each name once", text)
        return dict(pairs)

    try:
        value = json.loads(text, parse_float=no_float, parse_constant=no_float, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Misshapen(name, "a JSON object", text) from None
    if not isinstance(value, dict):
        raise Misshapen(name, "a JSON object", text)
    if counts and any(
        _UNIT.fullmatch(key) is None or type(number) is not int or number < 0 for key, number in value.items()
    ):
        raise Misshapen(name, "counts by name", text)
    return value
