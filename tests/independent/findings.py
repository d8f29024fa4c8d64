"""What the checker says: findings, each with table, row and field, and how much of each rule was checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

# In the order of the report. A rule that was given nothing to check shows a 0, it does not vanish.
RULES = {
    "shape": "every line has its columns, types and order",
    "files": "manifest: rows, bytes and SHA-256 of each file",
    "signature": "Ed25519 signatures of manifest and heads",
    "root": "leaves add up to the root of their batch",
    "chain": "batches are numbered and name the one before",
    "head": "signed heads have the log's root at their size",
    "entry": "entries sum to zero, on accounts of their own",
    "sub-ledger": "an entry is the sum of its usage rows",
    "step": "a call's steps follow each other; its sources add up",
    "share": "the cumulative split of each voucher's line",
    "price": "counts times prices are the charge",
    "reported": "reported use is signed, and is what was charged",
    "directory": "rows agree with programmes, prices, vouchers, funds",
    "balance": "balances of all accounts, rebuilt from postings",
    "funds": "capacity = free + lent + charged, rebuilt",
    "vendor": "the vendor counted what was charged",
    "served": "nothing is charged that the vendor did not serve, or twice",
    "told": "who was answered is charged, and as it was told",
    "once": "an operation is charged once, a refusal never",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`micro`: how far off in micro-won, where the thing is money."""

    rule: str
    table: str
    row: str
    field: str
    expected: str
    found: str
    micro: int | None = None

    def __str__(self) -> str:
        off = "" if self.micro is None else f" ({self.micro:+d} micro-won)"
        return (
            f"{self.rule}: {self.table} {self.row}: {self.field}: "
            f"expected {self.expected}, found {self.found}{off}"
        )


@dataclass(slots=True)
class Report:
    checked: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)  # what is no finding, but worth a number

    def count(self, rule: str, number: int = 1) -> None:
        self.checked[rule] += number

    def find(
        self, rule: str, where: tuple[str, object], what: str, *, expected: object, found: object
    ) -> None:
        """A thing that is not as it must be; no amount."""
        self.findings.append(Finding(rule, where[0], str(where[1]), what, _short(expected), _short(found)))

    def same(self, rule: str, where: tuple[str, object], what: str, expected: object, found: object) -> bool:
        """Checks that they are equal; counts nothing."""
        if expected == found:
            return True
        self.find(rule, where, what, expected=expected, found=found)
        return False

    def same_micro(
        self, rule: str, where: tuple[str, object], what: str, expected: int | None, found: int | None
    ) -> bool:
        """The same for amounts: the finding says the difference."""
        if expected == found:
            return True
        off = None if expected is None or found is None else found - expected
        self.findings.append(
            Finding(rule, where[0], str(where[1]), what, _short(expected), _short(found), off)
        )
        return False


def _short(value: object) -> str:
    """Values come from whoever made the bundle: no control characters, no walls of text."""
    text = value if isinstance(value, str) else repr(value)
    printable = "".join(sign if sign.isprintable() else "�" for sign in text[:201])
    return printable if len(printable) <= 200 else printable[:200] + "…"
