"""The command line of the chaos: `python -m tests.chaos`, or `make chaos MINUTES=30 SEED=1`.

Exit code 0 when every bound is kept, 1 when one is not, 2 when the words make no sense.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.chaos import report
from tests.chaos import run as running
from tests.chaos.checker import check
from tests.chaos.conclusion import check_export
from tests.chaos.history import read_books, read_history
from tests.chaos.schedule import OTHERS

OUT: Final = Path("build/chaos")
_EXAMPLES: Final = """examples:
  make chaos MINUTES=30 SEED=7           the campaign
  python -m tests.chaos --minutes 2      a look at it, with a seed of its own
  python -m tests.chaos --check build/chaos
  python -m tests.chaos --minutes 1 --only "flush valkey" --only "stale snapshot"
"""


def main(words: list[str] | None = None) -> int:
    given = _parser().parse_args(words)
    console = Console(stderr=True)
    screen = Console() if sys.stdout.isatty() else Console(width=140)
    if given.check is not None:
        return check_again(given.check, screen)
    plan = running.Plan(
        seconds=given.minutes * 60,
        seed=given.seed,
        out=given.out,
        kinds=tuple(given.only) if given.only else OTHERS,
    )
    console.print(f"chaos: {given.minutes:g} minutes with seed {given.seed}; logs go to {given.out}")
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("starting", total=1.0)

        def shown(progress: running.Progress) -> None:
            kills = sum(count for kind, count in progress.faults.items() if kind.startswith("kill"))
            others = sum(progress.faults.values()) - kills
            said = f"{progress.said}: {progress.calls} calls, {kills} kills, {others} other faults"
            bar.update(task, completed=progress.part, description=said)

        run = asyncio.run(running.run(plan, shown))
    report.show(run, screen)
    written = given.report or given.out / "report.json"
    report.write(run, written)
    console.print(f"figures and findings, and all that is known of the calls they name: {written}")
    return 1 if report.broken(run) else 0


def check_again(out: Path, screen: Console) -> int:
    """Both checkers alone, on the logs of an earlier run."""
    with (out / "history.jsonl").open(encoding="utf-8") as lines:
        verdicts = check(read_history(lines), read_books(out / "books.json"))
    audit = check_export(out).findings
    for finding in verdicts.findings:
        screen.print(f"[red]{finding.rule}[/red] {finding.micro} {finding.what}", highlight=False)
    for audited in audit:
        screen.print(f"[red]independent[/red] {escape(str(audited))}", highlight=False)
    screen.print(f"{verdicts.operations} operations, {len(verdicts.findings)} + {len(audit)} findings")
    return 1 if verdicts.findings or audit else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chaos",
        description="Kills, stops, cuts and robs the processes of a real house while it is called, and checks"
        " every charge.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=2.0, help="how long blows fall (default 2)")
    parser.add_argument("--seed", type=int, help="of blows and calls (default: a new one)")
    parser.add_argument("--only", action="append", choices=OTHERS, help="besides the kills; repeat it")
    parser.add_argument("--out", type=Path, default=OUT, help=f"where logs and figures go (default {OUT})")
    parser.add_argument("--report", type=Path, metavar="FILE", help="default: report.json beside the logs")
    parser.add_argument("--check", type=Path, metavar="DIR", help="check the logs of an earlier run again")
    parser.set_defaults(seed=secrets.randbelow(1_000_000))
    return parser


if __name__ == "__main__":
    sys.exit(main())
