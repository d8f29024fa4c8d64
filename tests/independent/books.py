"""The books, rebuilt from records alone: each entry, each call's steps, each voucher's line, every balance.

    money   programme/…/budget, company/…/deposits → voucher/…/government, /self → provider/…/payable
    line    voucher/…/line → /free → /allotment/L.N → /line

Both are closed circles: the postings of an entry sum to zero in each of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .accounts import MONEY, NEVER_BELOW_ZERO, OF_PROVIDER, OWN_KINDS, kind_of, may_touch
from .bundle import Batch
from .columns import Row
from .directory import Directory
from .findings import Report
from .sub_ledger import CUMULATIVE, check_sub_ledger

ONE_PPM = 1_000_000
# Σ over a voucher's entries: (account, kinds of entry, sign) of the figures in funds.tsv.
_SUMS = {
    "government_micro": ("government", ("grant",), 1),
    "self_micro": ("self", ("deposit",), 1),
    "capacity_micro": ("line", ("capacity", "expiry"), -1),
    "expired_government_micro": ("government", ("expiry",), -1),
    "expired_self_micro": ("self", ("expiry",), -1),
}


@dataclass(slots=True)
class Call:
    """A call after its latest step. `told_micro`: its charge before any true-up, as a client was told it."""

    last: Row
    told_micro: int


@dataclass(slots=True)
class Books:
    report: Report
    directory: Directory
    calls: dict[str, Call] = field(default_factory=dict)
    balances: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    sums: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by voucher
    granted: defaultdict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(lambda: {0}))
    _entries: set[int] = field(default_factory=set)

    def take(self, batch: Batch) -> None:
        for change in batch.rows["change"]:
            self.directory.take(change)
        _in_order(self.report, batch)
        by_entry: defaultdict[int, list[Row]] = defaultdict(list)
        for usage in batch.rows["usage"]:
            self._usage(usage)
            if usage.value("entry_id") is not None:
                by_entry[usage["entry_id"]].append(usage)
        postings: defaultdict[int, list[Row]] = defaultdict(list)
        for posting in batch.rows["posting"]:
            postings[posting["entry_id"]].append(posting)
        touched: set[str] = set()
        for entry in batch.rows["entry"]:
            self.report.count("entry")
            if entry["id"] in self._entries:
                self.report.find("entry", entry.where, "id", expected="once", found=entry["id"])
            self._entries.add(entry["id"])
            legs = postings.pop(entry["id"], [])
            touched |= self._entry(entry, legs)
            check_sub_ledger(self.report, entry, legs, by_entry.pop(entry["id"], []))
        for left in (postings, by_entry):
            for entry_id, rows in left.items():
                self.report.find(
                    "entry", rows[0].where, "entry_id", expected="an entry of this batch", found=entry_id
                )
        self._remember_grants(batch)
        self._not_overspent(batch, touched)

    # -- calls

    def _usage(self, usage: Row) -> None:
        report, where = self.report, usage.where
        report.count("step")
        call = self.calls.get(usage.text("op"))
        before = None if call is None else call.last
        report.same("step", where, "step", 0 if before is None else before["step"] + 1, usage["step"])
        for name in CUMULATIVE:
            was = 0 if before is None else before[f"{name}_micro"]
            now = was + usage[f"d_{name}_micro"]
            report.same_micro("step", where, f"{name}_micro", now, usage[f"{name}_micro"])
            if usage.value("entry_id") is None:
                report.same_micro(
                    "step", where, f"d_{name}_micro without an entry", 0, usage[f"d_{name}_micro"]
                )
        paid = usage["government_micro"] + usage["self_micro"]
        sources = paid + usage["own_micro"] + usage["uncollected_micro"]
        report.same_micro("step", where, "charge_micro", sources, usage["charge_micro"])
        report.same_micro(
            "step",
            where,
            "from_loan_micro + from_free_micro",
            paid,
            usage["from_loan_micro"] + usage["from_free_micro"],
        )
        told_micro = (
            call.told_micro if call is not None and usage.text("kind") == "true_up" else usage["charge_micro"]
        )
        self.calls[usage.text("op")] = Call(usage, told_micro)
        self.directory.agree(usage)
        self._share(usage)
        self._price(usage)

    def _share(self, usage: Row) -> None:
        """The step on the voucher's line, and how it is split."""
        funds = self.directory.funds(usage.text("voucher_id"))
        share_ppm = None if funds is None else funds.get("share_ppm")
        if not isinstance(share_ppm, int):
            return  # a finding already
        self.report.count("share")
        sums = self.sums[usage.text("voucher_id")]
        a = sums["charged_micro"]
        b = a + usage["d_from_loan_micro"] + usage["d_from_free_micro"]
        government = b * share_ppm // ONE_PPM - a * share_ppm // ONE_PPM
        self.report.same_micro(
            "share", usage.where, "d_government_micro", government, usage["d_government_micro"]
        )
        self.report.same_micro(
            "share", usage.where, "d_self_micro", b - a - government, usage["d_self_micro"]
        )
        sums["charged_micro"] = b
        sums["direct_micro"] += usage["d_from_free_micro"]

    def _price(self, usage: Row) -> None:
        """A correction waits for `finish`; a sweep may cost less than its counts, if its hold did not do."""
        if usage.text("status") == "released":
            self.report.count("price")
            self.report.same_micro("price", usage.where, "charge_micro", 0, usage["charge_micro"])
        elif usage.text("kind") in ("settled", "true_up"):
            self._at_its_price(usage)
        elif usage.text("kind") == "swept":
            self._at_most_its_price(usage)

    def _at_its_price(self, usage: Row) -> None:
        entry, sheet = self.directory.priced_by(usage)
        if entry is not None:  # else a finding already
            self.report.count("price")
            self.report.same_micro(
                "price", usage.where, "charge_micro", entry.charge_micro(sheet, usage), usage["charge_micro"]
            )

    def _at_most_its_price(self, usage: Row) -> None:
        entry, sheet = self.directory.priced_by(usage)
        if entry is None:
            return
        self.report.count("price")
        counts_micro = entry.charge_micro(sheet, usage)
        if usage["charge_micro"] < counts_micro:
            self.report.notes["checkpoints that their holds did not cover"] += 1
        else:
            self.report.same_micro("price", usage.where, "charge_micro", counts_micro, usage["charge_micro"])

    # -- entries

    def _entry(self, entry: Row, legs: list[Row]) -> set[str]:
        report, kind = self.report, entry.text("kind")
        money = line = 0
        touched = set()
        self._head_agrees(entry)
        if not legs:
            report.find("entry", entry.where, "postings", expected="some", found="none")
        for number, leg in enumerate(legs):
            account, amount = leg.text("account"), leg["amount_micro"]
            report.same("entry", leg.where, "leg", number, leg["leg"])
            if amount == 0:
                report.find("entry", leg.where, "amount_micro", expected="not 0", found=0)
            what = kind_of(account)
            funds = self.directory.funds(entry.text("voucher_id")) or {}
            if not may_touch(entry, account, funds=funds, known=self.balances):
                report.find(
                    "entry",
                    leg.where,
                    "account",
                    expected=f"one of a {kind} of {entry.text('voucher_id')}",
                    found=account,
                )
            money, line = (money + amount, line) if what in MONEY else (money, line + amount)
            self.balances[account] += amount
            touched.add(account)
            for name, (of, kinds, sign) in _SUMS.items():
                if what == of and kind in kinds:
                    self.sums[entry.text("voucher_id")][name] += sign * amount
        report.same_micro("entry", entry.where, "sum of its postings on money", 0, money)
        report.same_micro("entry", entry.where, "sum of its postings on the line", 0, line)
        return touched

    def _not_overspent(self, batch: Batch, touched: Iterable[str]) -> None:
        for account in sorted(touched):
            if kind_of(account) in NEVER_BELOW_ZERO and self.balances[account] < 0:
                self.report.same_micro(
                    "balance", batch.row.where, f"{account} after it, at least", 0, self.balances[account]
                )

    def _head_agrees(self, entry: Row) -> None:
        """Which of its columns an entry of this kind has, and whose programme it is in."""
        kind, funds = entry.text("kind"), self.directory.funds(entry.text("voucher_id")) or {}
        programme_id = entry.text("programme_id")
        programme = "" if kind in OWN_KINDS else funds.get("programme_id")
        self.report.same("entry", entry.where, "programme_id", programme, programme_id)
        for column, kinds in (("provider_id", OF_PROVIDER), ("n", ("lend", "return"))):
            if (entry.value(column) is None) == (kind in kinds):
                expected = "a value" if kind in kinds else "null"
                found = entry.value(column)
                self.report.find("entry", entry.where, column, expected=expected, found=found)

    def _remember_grants(self, batch: Batch) -> None:
        """What a voucher had been granted and paid in after each batch, to compare funds changes with."""
        for entry in batch.rows["entry"]:
            if entry.text("kind") in ("grant", "deposit"):
                sums = self.sums[entry.text("voucher_id")]
                for name in ("government_micro", "self_micro"):
                    self.granted[entry.text("voucher_id"), name].add(sums[name])

    def finish(self) -> None:
        """A correction that is a call's last word must be what its counts cost."""
        self.directory.finish()
        for call in self.calls.values():
            if call.last.text("kind") == "correction" and call.last.text("status") == "settled":
                self._at_its_price(call.last)


def _in_order(report: Report, batch: Batch) -> None:
    """Inside a batch entries and changes rise by id, postings by entry and leg."""
    for table, names in (("entry", ("id",)), ("posting", ("entry_id", "leg")), ("change", ("id",))):
        before: tuple[int, ...] | None = None
        for row in batch.rows[table]:
            place = tuple(row[name] for name in names)
            if before is not None and place <= before:
                report.find("shape", row.where, names[0], expected=f"after {before}", found=place)
            before = place
