"""What a check gives: findings, each a broken rule with what it costs, and the counts of a run. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.calls import Calls


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str
    what: str
    micro: int = 0


@dataclass(slots=True)
class Verdicts:
    findings: list[Finding] = field(default_factory=list)
    operations: int = 0
    attempts: int = 0
    ok: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # "status code" -> attempts
    unknown: int = 0
    resolved: Counter[str] = field(default_factory=Counter)  # how the unknown ones turned out
    glances: int = 0
    charged_micro: int = 0
    billed_micro: int = 0
    unbooked_micro: int = 0  # the vendor worked, the answer broke off, nobody is charged
    uncollected_micro: int = 0  # booked, but the voucher could not pay it
    estimated: int = 0
    ended_by_balance: int = 0

    def sum_micro(self, rule: str) -> int:
        return sum(finding.micro for finding in self.findings if finding.rule == rule)

    def count(self, rule: str) -> int:
        return sum(1 for finding in self.findings if finding.rule == rule)


def count(calls: Calls, verdicts: Verdicts) -> None:
    for request_id in calls.invoked:
        ended = calls.ended.get(request_id)
        if ended is None or ended.verdict == "unknown":
            verdicts.unknown += 1
            verdicts.resolved[_how_it_turned_out(calls, request_id)] += 1
        elif ended.verdict == "ok":
            verdicts.ok += 1
            verdicts.ended_by_balance += ended.code == "voucher_exhausted"
        else:
            verdicts.failed[f"{ended.status} {ended.code}"] += 1
    for usage in calls.books.usages:
        verdicts.charged_micro += usage.charge_micro
        verdicts.uncollected_micro += usage.uncollected_micro
        verdicts.estimated += usage.estimated
    for request_id in calls.bills:
        bills = calls.bills_of(request_id)
        verdicts.billed_micro += sum(bills)
        line = calls.invoked.get(request_id)
        if bills and line is not None and not any(u.charge_micro for u in calls.usages[line.operation]):
            verdicts.unbooked_micro += sum(bills)


def _how_it_turned_out(calls: Calls, request_id: str) -> str:
    usages = [u for u in calls.usages[calls.invoked[request_id].operation] if u.request_id == request_id]
    if usages:
        (usage, *_) = usages
        return "charged" if usage.charge_micro else "released"
    return "not booked, the vendor worked" if calls.bills_of(request_id) else "never begun"
