"""Use that providers reported: what its units cost, that it was signed, and that it is what was charged."""

from __future__ import annotations

import base64
import json
from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from .columns import Json, Row
from .ed25519 import verify
from .findings import Report

DIALECT = "report"
KINDS = ("report_key", "usage_report", "report_line")
_SEOUL = timezone(timedelta(hours=9))
_WHOLE = {"milestones": 1, "item_thousandths": 1_000, "downloads": 1, "bytes": 1_000_000_000}
_DAYS = ("month_days", "tflops_month_days")


@dataclass(frozen=True, slots=True)
class UnitPrice:
    micro: int
    model: None = None  # as sheets of other prices have one


@dataclass(slots=True)
class UnitEntry:
    """A price list entry of a product that is reported: a price for each tier."""

    sheets: dict[str, UnitPrice] = field(default_factory=dict)

    def charge_micro(self, name: str, usage: Row) -> int:
        """One rounding, half up; 0 where the counts are none."""
        for counted, number in usage.json("units").items():
            per = _days_in_month(usage) if counted in _DAYS else _WHOLE.get(counted)
            if per is not None and isinstance(number, int):
                return (2 * self.sheets[name].micro * number + per) // (2 * per)
        return 0

    def unknown_units(self, usage: Row) -> list[str]:
        named = usage.json("units")
        return sorted(set(named) - {*_WHOLE, *_DAYS}) or ([] if len(named) == 1 else ["not one unit"])

    def should_be(self, name: str, usage: Row) -> str:
        return name


def _days_in_month(usage: Row) -> int:
    day = datetime.fromtimestamp(usage["held_at_ms"] // 1000, _SEOUL)
    return monthrange(day.year, day.month)[1]


@dataclass(slots=True)
class Reports:
    report: Report
    latest: dict[tuple[str, str], Json] = field(default_factory=dict)  # (kind, id) -> row
    charged: list[Row] = field(default_factory=list)

    def take(self, change: Row, kind: str, row: Json) -> None:
        self.latest[kind, str(row.get("id"))] = row

    def finish(self) -> None:
        """Each step of a reported line is one line of a report, whole and signed."""
        for (kind, name), row in self.latest.items():
            if kind == "usage_report":
                self._signature(name, row)
        corrections: defaultdict[str, list[Json]] = defaultdict(list)
        lines = {}
        for (kind, name), row in self.latest.items():
            if kind == "report_line":
                lines[name] = row
                if isinstance(row.get("corrects"), str):
                    corrections[str(row["corrects"])].append(row)
        for usage in self.charged:
            self.report.count("reported")
            op = usage.text("op")
            said = [lines[op]] if usage["step"] == 0 and op in lines else corrections[op]
            if usage["step"] == 0 and op not in lines:
                said = []
            if not any(self._is_said(usage, row) for row in said):
                self.report.find(
                    "reported", usage.where, "op", expected="a line that was reported like this", found=op
                )

    def _is_said(self, usage: Row, row: Json) -> bool:
        """What was charged is what the line says, and the line what its signed report says."""
        names = ("company_id", "provider_id", "product_id", "price_entry")
        same = all(row.get(name) == usage.value(name) for name in names)
        counts = list(usage.json("units").values())
        if not same or counts != [row.get("units")] or row.get("amount_micro") != usage["charge_micro"]:
            return False
        report = self.latest.get(("usage_report", str(row.get("report_id"))))
        if report is None:  # withheld, in a bundle of one programme
            self.report.notes["reported lines whose report is withheld"] += 1
            return True
        return any(_is_of(row, line) for line in _lines_of(report))

    def _signature(self, name: str, row: Json) -> None:
        self.report.count("reported")
        where = ("change.tsv", f"usage_report {name}")
        key = self.latest.get(("report_key", str(row.get("key_id"))), {})
        if key.get("provider_id") != row.get("provider_id"):
            self.report.find(
                "reported", where, "key_id", expected="a key of its provider", found=row.get("key_id")
            )
            return
        head, _, signature = str(row.get("signed")).rpartition(".")
        if not verify(_raw(str(key.get("public_key"))), head.encode(), _raw(signature)):
            self.report.find("reported", where, "signed", expected="its key's signature", found=signature)


def _is_of(row: Json, line: Json) -> bool:
    return (line.get("id"), line.get("company"), line.get("product")) == (
        row.get("line_id"),
        row.get("company_id"),
        row.get("product_id"),
    ) and (line.get("from"), line.get("to")) == (row.get("from_on"), row.get("to_on"))


def _lines_of(report: Json) -> list[Json]:
    try:
        payload = json.loads(_raw(str(report.get("signed")).split(".")[1]))
    except (ValueError, IndexError, RecursionError):
        return []
    lines = payload.get("lines") if isinstance(payload, dict) else None
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def _raw(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
