"""What a run found, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.chaos.run import Run
from tests.chaos.serving import killed_at_work, longest_by_kind, longest_gap_ms, outages

NOT_SERVING_MAX_MS: Final = 10_000
FINDINGS_SHOWN: Final = 25
_RULES: Final = {
    "overspent": "micro-won overspent",
    "lost": "micro-won lost",
    "wrong": "micro-won wrongly charged",
    "refused": "refused though it could be paid (402)",
    "books": "disagreements of the books",
}


def is_sound(run: Run) -> bool:
    return not run.verdicts.findings


def summary(run: Run) -> dict[str, Any]:
    """All figures of a run; times in seconds, amounts in micro-won."""
    verdicts, history = run.verdicts, run.history
    faults = Counter(fault.kind for fault in history.faults)
    not_serving = outages(history.faults, history.ended)
    minutes = run.plan.seconds / 60
    kills = sum(count for kind, count in faults.items() if kind.startswith("kill"))
    return {
        "seed": run.plan.seed,
        "minutes": round(minutes, 2),
        "operations": verdicts.operations,
        "attempts": verdicts.attempts,
        "ok": verdicts.ok,
        "unknown": verdicts.unknown,
        "unknown_resolved": dict(sorted(verdicts.resolved.items())),
        "refusals": dict(sorted(verdicts.failed.items())),
        "refusals_503": sum(count for name, count in verdicts.failed.items() if name.startswith("503")),
        "faults": dict(sorted(faults.items())),
        "kills_per_minute": round(kills / minutes, 1),
        "kills_of_who_had_served": dict(sorted(killed_at_work(history, run.books).items())),
        "faults_missed": list(run.missed),
        "micro_won": {rule: verdicts.sum_micro(rule) for rule in ("overspent", "lost", "wrong")},
        "findings": {rule: verdicts.count(rule) for rule in _RULES},
        "charged_micro": verdicts.charged_micro,
        "billed_by_the_vendor_micro": verdicts.billed_micro,
        "vendor_worked_but_not_booked_micro": verdicts.unbooked_micro,
        "uncollected_micro": verdicts.uncollected_micro,
        "estimated_charges": verdicts.estimated,
        "ended_by_balance": verdicts.ended_by_balance,
        "glances_at_balances": verdicts.glances,
        "not_serving_longest_s": {
            kind: ms / 1000 for kind, ms in sorted(longest_by_kind(not_serving).items())
        },
        "not_serving_over_10_s": sum(outage.ms > NOT_SERVING_MAX_MS for outage in not_serving),
        "longest_gap_s": longest_gap_ms(history.ended) / 1000,
        "calm_after_s": round(run.calm_s, 1),
        "usage_records": len(run.books.usages),
        "ledger_faults": list(run.books.ledger_faults),
        "ledger_sum_micro": run.books.ledger_sum_micro,
    }


def write(run: Run, path: Path) -> None:
    found = [{"rule": f.rule, "what": f.what, "micro": f.micro} for f in run.verdicts.findings]
    path.write_text(json.dumps({**summary(run), "all_findings": found}, indent=1, ensure_ascii=False) + "\n")


def show(run: Run, console: Console) -> None:
    figures = summary(run)
    table = Table(title=f"chaos: seed {figures['seed']}, {figures['minutes']} minutes", show_header=False)
    table.add_row("operations (attempts)", f"{figures['operations']} ({figures['attempts']})")
    table.add_row("completed", str(figures["ok"]))
    table.add_row("unknown, resolved as", _each(figures["unknown_resolved"]))
    table.add_row("refusals", _each(figures["refusals"]))
    table.add_row("of these 503", str(figures["refusals_503"]))
    table.add_row("kills per minute", str(figures["kills_per_minute"]))
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
    for rule, words in _RULES.items():
        count, micro = figures["findings"][rule], run.verdicts.sum_micro(rule)
        value = str(micro if words.startswith("micro-won") else count)
        table.add_row(words, value if not count else f"[red]{value}[/red] in {count} findings")
    table.add_row("not serving for more than 10 s", str(figures["not_serving_over_10_s"]))
    table.add_row("longest time without any answer", f"{figures['longest_gap_s']:.1f} s")
    console.print(table)
    console.print(_faults(figures))
    for finding in run.verdicts.findings[:FINDINGS_SHOWN]:
        console.print(f"[red]{finding.rule}[/red] {finding.micro} {finding.what}", highlight=False)
    for missed in run.missed:
        console.print(f"not struck: {missed}", highlight=False)


def _bills(figures: dict[str, Any]) -> str:
    unbooked = figures["vendor_worked_but_not_booked_micro"]
    return f"{figures['billed_by_the_vendor_micro']} ({unbooked} for calls that broke off and cost nobody)"


def _faults(figures: dict[str, Any]) -> Table:
    table = Table("fault", "times", "longest not serving")
    for kind, count in figures["faults"].items():
        longest = figures["not_serving_longest_s"].get(kind)
        table.add_row(kind, str(count), "" if longest is None else f"{longest:.1f} s")
    return table


def _each(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"
