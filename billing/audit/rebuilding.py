"""The books rebuilt from a bundle's records: the rules of docs/reference/audit-bundle.md. Pure.

Records come in the order of the log. What must hold between the entries of a batch is judged at its end and
forgotten; what is kept is a sum per account and voucher, eight bytes per step of a call, and the ops that
have several steps.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from operator import itemgetter
from typing import Final

from billing.audit.leaf import RECORD_COLUMNS, USAGE_COLUMNS
from billing.audit.values import Unfit, unescaped, whole
from metering.shares import split_micro

Texts = list[str]
_AT: Final = {name: place for place, name in enumerate(USAGE_COLUMNS)}
_CUMULATIVE: Final = itemgetter(
    *(
        _AT[f"{name}_micro"]
        for name in ("charge", "government", "self", "uncollected", "from_loan", "from_free", "own")
    )
)
_DIFFERENCE: Final = itemgetter(
    *(
        _AT[f"d_{name}_micro"]
        for name in ("charge", "government", "self", "uncollected", "from_loan", "from_free")
    )
)
_NAMED: Final = itemgetter(*(_AT[name] for name in ("op", "step", "entry_id", "voucher_id", "provider_id")))
_NULL: Final = "\\N"
_BUCKETS: Final = 256


@dataclass(slots=True)
class _Line:
    """A voucher's way so far."""

    charged: int = 0
    direct: int = 0


@dataclass(slots=True)
class _Booked:
    """An entry of the batch that is being read, with what its postings and usage say."""

    kind: str
    voucher_id: str
    provider_id: str
    postings: dict[str, int] = field(default_factory=dict)
    usage: list[int] = field(default_factory=lambda: [0] * 6)


@dataclass(slots=True)
class Rebuilt:
    balances: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[tuple[str, str]] = field(default_factory=Counter)  # (kind of entry, account)
    funds: dict[str, Mapping[str, object]] = field(default_factory=dict)  # by voucher, as declared last
    lines: defaultdict[str, _Line] = field(default_factory=lambda: defaultdict(_Line))
    signers: set[str] = field(default_factory=set)
    stepped: set[str] = field(default_factory=set)  # ops with more than one step
    seen: list[array[int]] = field(default_factory=lambda: [array("Q") for _ in range(_BUCKETS)])
    _entries: dict[str, _Booked] = field(default_factory=dict)

    def add(self, table: str, line: bytes) -> str | None:
        """Take in one record. -> what is wrong with it, if anything is."""
        try:
            texts = line.decode().split("\t")
        except UnicodeDecodeError:
            return "is not UTF-8"
        if len(texts) != len(RECORD_COLUMNS[table]):
            return f"has {len(texts)} columns instead of {len(RECORD_COLUMNS[table])}"
        try:
            if table == "usage":
                return self._add_usage(texts)
            if table == "entry":
                self._entries[texts[0]] = _Booked(texts[1], texts[3], texts[4])
            elif table == "posting":
                return self._add_posting(texts)
            elif table == "change":
                self._add_change(texts)
        except ValueError as error:
            return f"holds a value it cannot have: {error}"
        return None

    def _add_usage(self, texts: Texts) -> str | None:
        op, step_text, entry_id, voucher_id, provider_id = _NAMED(texts)
        step = whole(step_text)
        digest = blake2b(f"{op}\t{step}".encode(), digest_size=8).digest()
        self.seen[digest[0]].append(int.from_bytes(digest, "big"))
        if step:
            self.stepped.add(op)
        *now, own_micro = map(whole, _CUMULATIVE(texts))
        moved = list(map(whole, _DIFFERENCE(texts)))
        charge, government, own_deposit, uncollected, loan, free = now
        wrong = self._book(entry_id, voucher_id, provider_id, moved) or self._walk(voucher_id, moved)
        if government + own_deposit + own_micro + uncollected != charge or loan + free != (
            government + own_deposit
        ):
            wrong = "its parts do not sum to its charge"
        elif not step and now != moved:
            wrong = "its first step does not begin at nothing"
        return f"call {op}: {wrong}" if wrong else None

    def _book(self, entry_id: str, voucher_id: str, provider_id: str, moved: list[int]) -> str | None:
        if entry_id == _NULL:
            return "cost something and names no entry" if any(moved) else None
        booked = self._entries.get(entry_id)
        if booked is None or (booked.voucher_id, booked.provider_id) != (voucher_id, provider_id):
            return f"entry {entry_id} of its voucher and provider is not in its batch"
        booked.usage = [before + amount for before, amount in zip(booked.usage, moved, strict=True)]
        return None

    def _walk(self, voucher_id: str, moved: list[int]) -> str | None:
        """A step along the voucher's line."""
        _, d_government, d_self, _, d_loan, d_free = moved
        voucher_id = unescaped(voucher_id)
        line = self.lines[voucher_id]
        before, line.charged = line.charged, line.charged + d_loan + d_free
        line.direct += d_free
        declared = self.funds.get(voucher_id)
        if declared is None:
            return f"its voucher {voucher_id} has no funds"
        if (d_government, d_self) != split_micro(before, line.charged, _number(declared, "share_ppm")):
            return "its parts do not follow the voucher's share"
        return None

    def _add_posting(self, texts: Texts) -> str | None:
        entry_id, _, account, amount_text = texts
        account, amount = unescaped(account), whole(amount_text)
        self.balances[account] += amount
        booked = self._entries.get(entry_id)
        if booked is None:
            return f"of entry {entry_id}, which is not in its batch"
        booked.postings[account] = booked.postings.get(account, 0) + amount
        self.by_kind[booked.kind, account] += amount
        return None

    def _add_change(self, texts: Texts) -> None:
        _, kind, text = texts
        row = json.loads(unescaped(text), parse_float=_no_float)
        if not isinstance(row, dict):
            raise Unfit("a change is an object")
        if kind == "funds":
            voucher_id, share_ppm = row.get("voucher_id"), row.get("share_ppm")
            if not isinstance(voucher_id, str) or type(share_ppm) is not int:
                raise Unfit("funds have a voucher and a share")
            self.funds[voucher_id] = row
        elif kind == "signer":
            self.signers.add(str(row.get("key")))

    def end_batch(self) -> Iterator[str]:
        """What is wrong between the records of one batch."""
        for entry_id, booked in self._entries.items():
            if sum(booked.postings.values()):
                yield f"entry {entry_id} does not balance"
            if booked.kind in ("usage", "correction") and not _is_its_usage(booked):
                yield f"entry {entry_id} is not the sum of its usage"
        self._entries.clear()

    def twice(self) -> bool:
        """Whether a step of a call is there twice."""
        for bucket in self.seen:
            ordered = sorted(bucket)
            if any(one == other for one, other in pairwise(ordered)):
                return True
        return False

    def steps_follow(self, line: bytes, last: dict[str, tuple[int, ...]]) -> str | None:
        """A second look at the calls that have several steps; `last` is kept by the caller between lines."""
        texts = line.decode().split("\t")
        op, step_text, *_ = _NAMED(texts)
        if op not in self.stepped:
            return None
        step = int(step_text)
        *now, _own = map(int, _CUMULATIVE(texts))
        before = last.get(op, (-1, *([0] * 6)))
        last[op] = (step, *now)
        moved = [after - was for after, was in zip(now, before[1:], strict=True)]
        if before[0] != step - 1 or moved != [int(text) for text in _DIFFERENCE(texts)]:
            return f"call {op}: step {step} does not follow the one before"
        return None

    def funds_of(self, voucher_id: str) -> tuple[str, ...]:
        """A voucher's row of funds.tsv, as it must be."""
        declared, line = self.funds[voucher_id], self.lines[voucher_id]
        names = {name: f"voucher/{voucher_id}/{name}" for name in ("government", "self", "line", "free")}
        numbers = (
            _number(declared, "share_ppm"),
            self.by_kind["grant", names["government"]],
            self.by_kind["deposit", names["self"]],
            -self.by_kind["capacity", names["line"]] - self.by_kind["expiry", names["line"]],
            self.balances[names["free"]],
            line.charged,
            line.direct,
            -self.by_kind["expiry", names["government"]],
            -self.by_kind["expiry", names["self"]],
        )
        words = (voucher_id, str(declared.get("company_id")), str(declared.get("programme_id")))
        return (*words, *map(str, numbers))

    def unbalanced_lines(self) -> Iterator[str]:
        """Vouchers of which free + lent + charged is not the capacity."""
        lent: Counter[str] = Counter()
        for account, balance in self.balances.items():
            voucher, found, _ = account.partition("/allotment/")
            if found:
                lent[voucher.removeprefix("voucher/")] += balance
        for voucher_id in sorted(self.funds):
            row = self.funds_of(voucher_id)
            capacity, free, charged = (int(row[place]) for place in (6, 7, 8))
            if free + lent[voucher_id] + charged != capacity:
                yield f"voucher {voucher_id}: free, lent and charged are not its capacity"


def _is_its_usage(booked: _Booked) -> bool:
    charge, government, own_deposit, uncollected, loan, free = booked.usage
    voucher = f"voucher/{unescaped(booked.voucher_id)}"
    of = booked.postings.get
    return (
        of(f"{voucher}/government", 0) == -government
        and of(f"{voucher}/self", 0) == -own_deposit
        and of(f"{voucher}/uncollected", 0) == -uncollected
        and of(f"provider/{unescaped(booked.provider_id)}/payable", 0) == charge
        and of(f"{voucher}/line", 0) == loan + free
    )


def _number(row: Mapping[str, object], name: str) -> int:
    value = row.get(name)
    if type(value) is not int:
        raise Unfit(f"{name} is no integer")
    return value


def _no_float(text: str) -> object:
    raise Unfit(f"{text} is no integer")
