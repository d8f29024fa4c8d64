"""What the `change` rows say is in force: programmes, shares, prices, vouchers, funds.

Rows are JSON made by whoever made the bundle: every value is asked for by its type, a wrong one is a finding.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from .columns import Json, Row
from .findings import Report
from .prices import TOKEN_PRICES, UNIT_PRICES, Entry, Price, decimal
from .reports import DIALECT, Reports, UnitEntry, UnitPrice
from .reports import KINDS as OF_REPORTS

KEYS = {
    "programme": ("id",),
    "programme_share": ("programme_id", "class_name"),
    "programme_share removed": ("programme_id", "class_name"),
    "provider": ("id",),
    "product": ("id",),
    "company": ("id",),
    "price": ("product_id", "valid_from"),
    "price_sheet": ("product_id", "valid_from", "name"),
    "voucher": ("id",),
    "funds": ("voucher_id",),
    "signer": ("key",),
    "closed_month": ("month",),
    "restored": ("taken_at",),
    "unit_price": ("product_id", "tier", "valid_from"),
    **dict.fromkeys(("reported_product", *OF_REPORTS), ("id",)),
}
_NUMBERS = {
    "programme": ("budget_micro", "max_voucher_micro"),
    "programme_share": ("share_ppm",),
    "voucher": ("share_ppm", "government_micro", "self_micro"),
    "unit_price": ("price_micro",),
    "report_line": ("units", "per", "amount_micro"),
    "funds": ("lane", "share_ppm", "government_micro", "self_micro", "ends_ms"),
}
_MAY_BE_NULL = {"max_voucher_micro", "ends_ms"}
_MONEY = ("share_ppm", "government_micro", "self_micro")
_FIXED_FUNDS = ("company_id", "programme_id", "lane", "share_ppm")


@dataclass(slots=True)
class Directory:
    report: Report
    latest: dict[tuple[str, ...], Json] = field(default_factory=dict)  # (kind, key…) -> row
    prices: dict[str, Entry | UnitEntry] = field(default_factory=dict)  # by price_entry, without its sheet
    shares: dict[tuple[str, str], set[int]] = field(default_factory=dict)  # ever, by programme and class
    classes: dict[str, set[str]] = field(default_factory=dict)  # ever, by company
    declared: list[tuple[Row, str, tuple[object, ...]]] = field(default_factory=list)  # every voucher change
    funds_changes: list[Row] = field(default_factory=list)
    booked: defaultdict[str, set[tuple[object, ...]]] = field(default_factory=lambda: defaultdict(set))
    ends_ms: dict[str, int] = field(default_factory=dict)  # the latest ever, by voucher
    reports: Reports = field(init=False)

    def __post_init__(self) -> None:
        self.reports = Reports(self.report)

    def take(self, change: Row) -> None:
        kind, row = change.text("kind"), change.json("row")
        self.report.count("directory")
        if kind not in KEYS:
            self.report.find("shape", change.where, "kind", expected="a known kind", found=kind)
            return
        key = tuple(row.get(name) for name in KEYS[kind])
        if any(type(part) is not str for part in key):
            self.report.find(
                "shape", change.where, "row", expected=f"text {', '.join(KEYS[kind])}", found=key
            )
            return
        names = tuple(str(part) for part in key)
        if kind == "programme_share removed":
            self.latest.pop(("programme_share", *names), None)
            return
        if not self._numbers_are_whole(change, kind, row):
            return
        before = self.latest.get((kind, *names))
        self.latest[(kind, *names)] = row
        match kind:
            case "price" | "price_sheet":
                self._price(change, row)
            case "programme_share":
                self.shares.setdefault((names[0], names[1]), set()).add(_whole(row, "share_ppm"))
            case "company":
                self.classes.setdefault(names[0], set()).add(str(row.get("class_name")))
            case "voucher":
                self.declared.append((change, names[0], _money(row)))
            case "funds":
                self._funds(change, row, before)
            case "unit_price":
                self._unit_price(change, row)
            case _ if kind in OF_REPORTS:
                self.reports.take(change, kind, row)

    def _numbers_are_whole(self, change: Row, kind: str, row: Json) -> bool:
        numbers = [(name, row.get(name)) for name in _NUMBERS.get(kind, ())]
        is_price = kind in ("price", "price_sheet")
        if is_price:
            numbers = [(name, row.get(name)) for name in (*TOKEN_PRICES, *UNIT_PRICES, "input_tokens_over")]
        for name, value in numbers:
            is_null = value is None and (is_price or name in _MAY_BE_NULL)
            if not is_null and (type(value) is not int or value < 0):
                self.report.find("shape", change.where, name, expected="an integer from 0", found=value)
                return False
        return True

    def _price(self, change: Row, row: Json) -> None:
        entry_id = f"{row.get('product_id')}@{row.get('valid_from_text')}"
        sheet_name = str(row.get("name", ""))
        entry = self.prices.setdefault(entry_id, Entry())
        if isinstance(entry, UnitEntry):
            self.report.find(
                "directory", change.where, "product_id", expected="no unit price", found=entry_id
            )
            return
        price = Price.of(row)
        before = entry.sheets.setdefault(sheet_name, price)
        for name in (*TOKEN_PRICES, *UNIT_PRICES):  # superseded, never edited
            self.report.same_micro("directory", change.where, name, before.amounts[name], price.amounts[name])
        terms = (price.served, price.over, price.model)
        self.report.same("directory", change.where, "name", (before.served, before.over, before.model), terms)
        dollars = row.get("dollars")
        if not sheet_name and isinstance(dollars, dict):
            entry.rate = decimal(dollars.get("krw_per_usd"))
        elif sheet_name and "" not in entry.sheets:
            self.report.find("directory", change.where, "name", expected="after its entry", found=sheet_name)
        for name, micro in entry.wrong_in_won(row):
            self.report.same_micro("directory", change.where, name, micro, price.amounts.get(name))

    def _unit_price(self, change: Row, row: Json) -> None:
        entry_id = f"{row.get('product_id')}@{row.get('valid_from_text')}"
        entry = self.prices.setdefault(entry_id, UnitEntry())
        if not isinstance(entry, UnitEntry):
            self.report.find("directory", change.where, "product_id", expected="no price", found=entry_id)
            return
        price = UnitPrice(_whole(row, "price_micro"))
        before = entry.sheets.setdefault(str(row.get("tier")), price)  # superseded, never edited
        self.report.same_micro("directory", change.where, "price_micro", before.micro, price.micro)

    def _funds(self, change: Row, row: Json, before: Json | None) -> None:
        voucher_id = str(row.get("voucher_id"))
        for name in _FIXED_FUNDS if before is not None else ():
            self.report.same(
                "directory", change.where, name, before.get(name) if before else None, row.get(name)
            )
        self.funds_changes.append(change)
        self.booked[voucher_id].add(_money(row))
        ends_ms = row.get("ends_ms")
        if isinstance(ends_ms, int):
            self.ends_ms[voucher_id] = max(ends_ms, self.ends_ms.get(voucher_id, 0))

    def rows(self, kind: str) -> dict[tuple[str, ...], Json]:
        return {
            names: row
            for (of_kind, *rest), row in self.latest.items()
            if of_kind == kind and (names := tuple(rest))
        }

    def funds(self, voucher_id: str) -> Json | None:
        return self.latest.get(("funds", voucher_id))

    def finish(self) -> None:
        """Things name things that are; what a voucher was ever declared to have, its funds had one day."""
        for kind, column, named in (
            ("product", "provider_id", "provider"),
            ("reported_product", "provider_id", "provider"),
            ("funds", "programme_id", "programme"),
        ):
            for names, row in self.rows(kind).items():
                self.report.count("directory")
                if (named, str(row.get(column))) not in self.latest:
                    where = ("change.tsv", f"{kind} {', '.join(names)}")
                    self.report.find("directory", where, column, expected=f"a {named}", found=row.get(column))
        self.reports.finish()
        for change, voucher_id, money in self.declared:
            self.report.count("directory")
            booked = self.booked[voucher_id]
            if money not in booked:
                columns = ", ".join(_MONEY)
                self.report.find(
                    "directory", change.where, columns, expected=sorted(booked, key=str), found=money
                )

    # -- what a usage row must agree with

    def agree(self, usage: Row) -> None:
        report, where = self.report, usage.where
        report.count("directory")
        funds = self.funds(usage.text("voucher_id"))
        if funds is None:
            report.find(
                "directory",
                where,
                "voucher_id",
                expected="a voucher with funds",
                found=usage.text("voucher_id"),
            )
            return
        for name in ("company_id", "programme_id", "lane"):
            report.same("directory", where, name, funds.get(name), usage.value(name))
        kind = "reported_product" if usage.text("dialect") == DIALECT else "product"
        if kind == "reported_product":
            self.reports.charged.append(usage)
        product = self.latest.get((kind, usage.text("product_id")), {})
        report.same("directory", where, "provider_id", product.get("provider_id"), usage.text("provider_id"))
        report.same(
            "directory",
            where,
            "key_id",
            f"{usage.text('company_id')}/{usage.text('api_key')}",
            usage.text("key_id"),
        )
        ends_ms = self.ends_ms.get(usage.text("voucher_id"))
        if ends_ms is not None and usage["held_at_ms"] >= ends_ms:
            report.find(
                "directory",
                where,
                "held_at_ms",
                expected=f"before the voucher's end {ends_ms}",
                found=usage["held_at_ms"],
            )
        self._price_agrees(usage)

    def _price_agrees(self, usage: Row) -> None:
        report, where, named = self.report, usage.where, usage.text("price_entry")
        product_id, _, valid_from = named.partition("#")[0].partition("@")
        report.same("directory", where, "price_entry", usage.text("product_id"), product_id)
        entry, sheet_name = self.priced_by(usage)
        if entry is None:
            report.find("directory", where, "price_entry", expected="a price of the directory", found=named)
            return
        if unknown := entry.unknown_units(usage):
            report.find("directory", where, "units", expected="units of its price", found=unknown[0])
        if usage.text("kind") != "swept" and usage.text("status") == "settled":
            report.same("directory", where, "price_entry", entry.should_be(sheet_name, usage), sheet_name)
        if not _same_instant(usage.text("price_from"), valid_from):
            report.find("directory", where, "price_from", expected=valid_from, found=usage.text("price_from"))
        from_ms = _instant_ms(valid_from)
        if from_ms is None or from_ms > usage["held_at_ms"]:
            if usage.text("kind") == "correction":  # the entry that two people agreed is the right one
                report.notes["corrections by a later price"] += 1
                return
            report.find(
                "directory", where, "price_entry", expected="a price in force at the call", found=named
            )

    def priced_by(self, usage: Row) -> tuple[Entry | UnitEntry | None, str]:
        """The entry a call names, if there is one, and the name of its sheet."""
        entry_id, _, sheet_name = usage.text("price_entry").partition("#")
        entry = self.prices.get(entry_id)
        if entry is None or sheet_name not in entry.sheets or entry.sheets[sheet_name].model is not None:
            return None, sheet_name
        return entry, sheet_name


def _money(row: Json) -> tuple[object, ...]:
    return tuple(row.get(name) for name in _MONEY)


def _whole(row: Json, name: str) -> int:
    value = row.get(name)
    return value if type(value) is int else 0


def _same_instant(one: str, other: str) -> bool:
    return one == other or (_instant_ms(one) is not None and _instant_ms(one) == _instant_ms(other))


def _instant_ms(text: str) -> int | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        return None
    since = instant - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
