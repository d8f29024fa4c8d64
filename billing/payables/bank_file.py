"""Payments as a file for the bank, and the lines in which it says what became of them. Pure but for the port.

One CSV a batch, in UTF-8: `bank_code,account_number,holder,amount_won,memo,payout`. What comes back has the
names `payout,amount_won,result,reason`; every byte of that is hostile. A fault names its line and column.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from billing.payables.facts import Told, Word
from billing.payables.port import Outgoing

PAYOUTS_MAX: Final = 1_000  # of one file
CHARACTERS_MAX: Final = 200_000
COLUMNS_MAX: Final = 16
REASON_CHARACTERS_MAX: Final = 200
HEADS: Final = ("bank_code", "account_number", "holder", "amount_won", "memo", "payout")
RESULT_HEADS: Final = ("payout", "amount_won", "result", "reason")
RESULTS: Final[Mapping[str, Word]] = {
    "paid": "paid",
    "지급": "paid",
    "returned": "returned",
    "반송": "returned",
}
HOLDER_CHARACTERS_MAX: Final = 40
_BEGINS_FORMULA: Final = "=+-@"
_OF_HOLDER: Final = " ().,&-·"
_PAYOUT: Final = re.compile(r"po-[0-9]{6,18}")
_WON: Final = re.compile(r"[1-9][0-9]{0,14}")
_NUMBER: Final = re.compile(r"[0-9]{7,16}")


class BadResults(ValueError):
    """`line` counts from 1; `column` is a name, None where the whole line is meant."""

    def __init__(self, line: int, column: str | None, english: str, korean: str) -> None:
        super().__init__(english)
        self.line = line
        self.column = column
        self.english = english
        self.korean = korean


@dataclass(frozen=True, slots=True)
class Result:
    line: int
    payout_id: str
    won: int
    word: Word
    reason: str


class BankFile:
    """billing.payables.port.PayoutRail: what is handed to it is `content`, what came back are `results`."""

    name: Final = "bank"

    def __init__(self, *, results: Sequence[Result] = (), content: str = "") -> None:
        self.results = results
        self.content = content

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()

    async def send(self, outgoing: Sequence[Outgoing]) -> tuple[Told, ...]:
        self.content = written(outgoing)
        return ()

    async def look(self, payout_ids: Sequence[str]) -> tuple[Told, ...]:
        asked = set(payout_ids)
        return tuple(
            Told(one.payout_id, one.word, reason=one.reason) for one in self.results if one.payout_id in asked
        )


def account_number(text: str) -> str | None:
    """Its digits, without the hyphens that people write; None where it is no account's."""
    digits = text.replace("-", "").replace(" ", "")
    return digits if _NUMBER.fullmatch(digits) else None


def is_holder(text: str) -> bool:
    """What a bank takes for a name, and no spreadsheet for a formula."""
    return (
        0 < len(text) <= HOLDER_CHARACTERS_MAX
        and text == text.strip()
        and text[0] not in _BEGINS_FORMULA
        and all(one.isalnum() or one in _OF_HOLDER for one in text)
    )


def written(outgoing: Sequence[Outgoing]) -> str:
    """In the order given; the same payments give the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADS)
    for one in outgoing:
        assert one.to.bank_code is not None, "a file is for accounts at banks"
        writer.writerow((one.to.bank_code, one.to.number, one.to.holder, one.won, one.memo, one.payout_id))
    return text.getvalue()


def read_results(text: str) -> list[Result]:
    """Whole, or not at all. Raises BadResults."""
    text = text.removeprefix("\ufeff")
    if len(text) > CHARACTERS_MAX or "\0" in text:
        raise BadResults(1, None, "This is no file of result lines.", "결과 파일이 아닙니다.")
    results: list[Result] = []
    seen: set[str] = set()
    for line, row in _rows(text):
        one = _result(line, row)
        if one.payout_id in seen:
            raise BadResults(line, "payout", "The payment is there twice.", "같은 지급이 두 번 있습니다.")
        if len(results) == PAYOUTS_MAX:
            raise BadResults(line, None, f"At most {PAYOUTS_MAX} lines.", f"최대 {PAYOUTS_MAX}행입니다.")
        seen.add(one.payout_id)
        results.append(one)
    if not results:
        raise BadResults(1, None, "There are no result lines.", "결과 내역이 없습니다.")
    return results


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise BadResults(
                line, None, f"This is no CSV: {error}.", "CSV 형식이 올바르지 않습니다."
            ) from None
        if row is None:
            return
        if not row:
            continue
        if len(row) > COLUMNS_MAX or (names is not None and len(row) != len(names)):
            raise BadResults(
                line, None, "The row has another number of columns.", "열의 수가 첫 줄과 다릅니다."
            )
        if names is None:
            names = _heads(line, row)
        else:
            yield line, dict(zip(names, (cell.strip() for cell in row), strict=True))


def _heads(line: int, row: Sequence[str]) -> list[str]:
    names = [cell.strip().lower() for cell in row]
    for name in RESULT_HEADS:
        if names.count(name) != 1:
            raise BadResults(line, name, "The column must be there once.", "필요한 열이 한 번 있어야 합니다.")
    return names


def _result(line: int, row: Mapping[str, str]) -> Result:
    if _PAYOUT.fullmatch(row["payout"]) is None:
        raise BadResults(line, "payout", "This is no number of a payment.", "지급 번호가 아닙니다.")
    if _WON.fullmatch(row["amount_won"]) is None:
        raise BadResults(line, "amount_won", "Whole won, without separators.", "금액이 올바르지 않습니다.")
    word = RESULTS.get(row["result"].lower())
    if word is None:
        raise BadResults(line, "result", "Either `paid` or `returned`.", "paid 또는 returned여야 합니다.")
    reason = row["reason"]
    if len(reason) > REASON_CHARACTERS_MAX or not reason.isprintable():
        raise BadResults(line, "reason", "The reason cannot be kept.", "사유를 저장할 수 없습니다.")
    if word == "returned" and not reason:
        raise BadResults(line, "reason", "What came back has a reason.", "반송 사유가 필요합니다.")
    return Result(line, row["payout"], int(row["amount_won"]), word, reason)
