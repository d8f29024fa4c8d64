"""What a run found, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos import evidence
from tests.chaos.bounds import RULES, Bound, bounds
from tests.chaos.run import Run
from tests.chaos.serving import (
    killed_at_work,
    longest_by_kind,
    longest_gap_ms,
    outages,
    refused_by_kind,
    repeats,
)
from tests.independent.findings import RULES as AUDIT_RULES

FINDINGS_SHOWN: Final = 25


def broken(run: Run) -> list[Bound]:
    """The bounds that this run did not keep."""
    return [bound for bound in bounds(summary(run)) if not bound.is_kept]


def summary(run: Run) -> dict[str, Any]:
    """All figures of a run; times in seconds, amounts in micro-won."""
    verdicts, audit = run.end.verdicts, run.end.audit
    return {
        "seed": run.plan.seed,
        "minutes": round(run.plan.seconds / 60, 2),
        "operations": verdicts.operations,
        "attempts": verdicts.attempts,
        "ok": verdicts.ok,
        "unknown": verdicts.unknown,
        "unknown_resolved": dict(sorted(verdicts.resolved.items())),
        "refusals": dict(sorted(verdicts.failed.items())),
        "refusals_503": sum(count for name, count in verdicts.failed.items() if name.startswith("503")),
        "repeats_under_a_key": dict(repeats(run.history)),
        **_of_faults(run),
        "micro_won": {rule: verdicts.sum_micro(rule) for rule in ("overspent", "lost", "wrong")},
        "findings": {rule: verdicts.count(rule) for rule in RULES},
        "audit": {
            "findings": len(audit.findings),
            "checked": {rule: audit.checked[rule] for rule in AUDIT_RULES},
            "notes": dict(audit.notes),
        },
        "charged_micro": verdicts.charged_micro,
        "billed_by_the_vendor_micro": verdicts.billed_micro,
        "vendor_worked_but_not_booked_micro": verdicts.unbooked_micro,
        "uncollected_micro": verdicts.uncollected_micro,
        "estimated_charges": verdicts.estimated,
        "ended_by_balance": verdicts.ended_by_balance,
        "glances_at_balances": verdicts.glances,
        "calm_after_s": round(run.calm_s, 1),
        "usage_records": len(run.end.books.usages),
        "ledger_faults": list(run.end.books.ledger_faults),
        "ledger_sum_micro": run.end.books.ledger_sum_micro,
    }


def _of_faults(run: Run) -> dict[str, Any]:
    history = run.history
    longest, refused = longest_by_kind(outages(history)), refused_by_kind(history)
    return {
        "faults": dict(sorted(Counter(fault.kind for fault in history.faults).items())),
        "faults_missed": list(run.missed),
        "kills_of_who_had_served": dict(sorted(killed_at_work(history, run.end.books).items())),
        "not_serving_longest_s": {kind: ms / 1000 for kind, ms in sorted(longest.items())},
        "refused_503": {
            kind: {"count": one.count, "longest_s": one.ms / 1000} for kind, one in sorted(refused.items())
        },
        "longest_gap_s": longest_gap_ms(history.ended) / 1000,
    }


def write(run: Run, path: Path) -> None:
    """All figures, all findings, and of the calls they name all that is known."""
    figures = summary(run)
    kept = bounds(figures)
    about = {
        operation: {**known, "blows": evidence.blows_around(known, run.history)}
        for operation, known in run.end.evidence.items()
    }
    content = {
        "verdict": "PASS" if all(bound.is_kept for bound in kept) else "FAIL",
        "failed": [str(bound) for bound in kept if not bound.is_kept],
        **figures,
        "bounds": [str(bound) for bound in kept],
        "all_findings": [asdict(finding) for finding in run.end.verdicts.findings],
        "all_audit_findings": [asdict(finding) for finding in run.end.audit.findings],
        "operations_named": about,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def show(run: Run, console: Console) -> None:
    figures = summary(run)
    table = Table(title=f"chaos: seed {figures['seed']}, {figures['minutes']} minutes", show_header=False)
    table.add_row("operations (attempts)", f"{figures['operations']} ({figures['attempts']})")
    table.add_row("completed", str(figures["ok"]))
    table.add_row("unknown, resolved as", _each(figures["unknown_resolved"]))
    table.add_row("refusals", _each(figures["refusals"]))
    table.add_row("of these 503", str(figures["refusals_503"]))
    table.add_row("repeats under a key", _each(figures["repeats_under_a_key"]))
    table.add_row("kills of who had served", _each(figures["kills_of_who_had_served"]))
    table.add_row("charged / vendor's bills", f"{figures['charged_micro']} / {_bills(figures)}")
    table.add_row("uncollected", str(figures["uncollected_micro"]))
    table.add_row("ended by the balance", str(figures["ended_by_balance"]))
    table.add_row("balances looked at", str(figures["glances_at_balances"]))
    ledger = (
        "balances" if not figures["ledger_faults"] and not figures["ledger_sum_micro"] else "DOES NOT BALANCE"
    )
    table.add_row("ledger", ledger)
    table.add_section()
    for rule, words in RULES.items():
        count, micro = figures["findings"][rule], run.end.verdicts.sum_micro(rule)
        value = str(micro if words.startswith("micro-won") else count)
        table.add_row(words, value if not count else f"[red]{value}[/red] in {count} findings")
    checked = sum(figures["audit"]["checked"].values())
    found = f"{figures['audit']['findings']} in {checked} checks"
    table.add_row("findings of the independent checker", found)
    table.add_row("longest time without any answer", f"{figures['longest_gap_s']:.1f} s")
    console.print(table)
    console.print(_faults(figures))
    for finding in run.end.verdicts.findings[:FINDINGS_SHOWN]:
        console.print(f"[red]{finding.rule}[/red] {finding.micro} {finding.what}", highlight=False)
    for audited in run.end.audit.findings[:FINDINGS_SHOWN]:
        console.print(f"[red]independent[/red] {escape(str(audited))}", highlight=False)
    for missed in run.missed:
        console.print(f"not struck: {missed}", highlight=False)
    failed = broken(run)
    for bound in failed:
        console.print(f"[red]FAIL[/red] {bound}", highlight=False)
    if not failed:
        console.print(f"[green]PASS[/green] all {len(bounds(figures))} bounds are kept", highlight=False)


def _bills(figures: dict[str, Any]) -> str:
    unbooked = figures["vendor_worked_but_not_booked_micro"]
    return f"{figures['billed_by_the_vendor_micro']} ({unbooked} for calls that broke off and cost nobody)"


def _faults(figures: dict[str, Any]) -> Table:
    table = Table("fault", "times", "longest not serving", "503s", "longest 503")
    for kind in {**figures["faults"], **figures["refused_503"]}:
        longest, refused = figures["not_serving_longest_s"].get(kind), figures["refused_503"].get(kind)
        table.add_row(
            kind,
            str(figures["faults"].get(kind, "")),
            "" if longest is None else f"{longest:.1f} s",
            "" if refused is None else str(refused["count"]),
            "" if refused is None else f"{refused['longest_s']:.1f} s",
        )
    return table


def _each(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"
