"""The report: the same figures as a table on the screen and as a section of docs/benchmarks.md.

Medians of the rounds, with the smallest and largest value behind them. Nothing here measures, and nothing is
written that was not measured: a missing figure is a dash.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measures import Figures
from bench.ratios import other_rows
from bench.run import SUBJECTS, Row, Run, cell, spread

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(frozen=True, slots=True)
class Budget:
    what: str
    unit: str
    first: float
    goal: float
    at_least: bool
    figures: tuple[str, ...]  # the worst of them counts
    scale: float = 1.0


BUDGETS = (
    Budget("CPU per unary request, money on (c=32)", "µs", 300, 60, False, ("gateway.c32.cpu_us",)),
    Budget("added latency p50, one connection", "ms", 0.6, 0.2, False, ("gateway.c1.added_p50_us",), 1e-3),
    # The same budget in the form that holds on any machine: where it was set, nginx took 0.04 ms.
    Budget("p50 of a lone call, times nginx's in the run", "", 15, 5, False, ("gateway.c1.times_nginx",)),
    Budget("streams held on one core", "", 400, 1000, True, ("gateway.held",)),
    Budget("memory per open stream", "KiB", 32, 10, False, ("gateway.s500.kib", "gateway.s2000.kib")),
    Budget("posting, one worker", "calls/s", 20_000, 50_000, True, ("gateway.posting.calls_per_s",)),
)


def add_differences(figures: Figures) -> None:
    """What a subject adds to the vendor called directly, within one round."""
    for name in list(figures):
        subject, _, rest = name.partition(".")
        if subject == "direct" or not rest.endswith((".p50_us", ".p99_us")):
            continue
        where, quantile = rest.split(".")
        direct = figures.get(f"direct.{rest}")
        if direct is not None:
            figures[f"{subject}.{where}.added_{quantile}"] = figures[name] - direct
    if (nginx := figures.get("nginx.c1.p50_us")) and "gateway.c1.p50_us" in figures:
        figures["gateway.c1.times_nginx"] = figures["gateway.c1.p50_us"] / nginx


def unary_rows(run: Run) -> list[Row]:
    rows: list[Row] = []
    for connections in run.plan.unary_connections:
        for subject in SUBJECTS:
            name = f"{subject}.c{connections}"
            if spread(run, f"{name}.rps") is None:
                continue
            rows.append(
                (
                    subject,
                    str(connections),
                    cell(spread(run, f"{name}.rps")),
                    cell(spread(run, f"{name}.p50_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.p99_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.added_p50_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.added_p99_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.cpu_us")),
                    cell(spread(run, f"{name}.rss_mib")),
                    cell(spread(run, f"{name}.foreign_percent")),
                )
            )
    return rows


UNARY_HEAD: Row = (
    "subject", "connections", "requests/s", "p50 ms", "p99 ms", "added p50 ms", "added p99 ms",
    "CPU µs/request", "RSS MiB", "foreign %",
)  # fmt: skip


def stream_rows(run: Run) -> list[Row]:
    rows: list[Row] = []
    for streams in run.plan.streams:
        for subject in SUBJECTS:
            name = f"{subject}.s{streams}"
            if spread(run, f"{name}.p50_us") is None:
                continue
            rows.append(
                (
                    subject,
                    str(streams),
                    cell(spread(run, f"{name}.p50_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.p99_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.added_p50_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.added_p99_us"), scale=1e-3, digits=2),
                    cell(spread(run, f"{name}.chunk_share"), scale=100),
                    cell(spread(run, f"{name}.failed")),
                    cell(spread(run, f"{name}.cpu_us_per_chunk"), digits=1),
                    cell(spread(run, f"{name}.kib"), digits=1),
                    cell(spread(run, f"{name}.foreign_percent")),
                )
            )
    return rows


STREAM_HEAD: Row = (
    "subject", "streams", "delay p50 ms", "delay p99 ms", "added p50 ms", "added p99 ms", "chunks %",
    "failed", "CPU µs/chunk", "KiB/stream", "foreign %",
)  # fmt: skip


OTHER_HEAD: Row = ("figure", "median (least–most)")


def budget_rows(run: Run) -> list[Row]:
    rows: list[Row] = []
    for budget in BUDGETS:
        every = (spread(run, name) for name in budget.figures)
        # None held is a result; a cost that is not positive is a fault of the measurement.
        found = [one for one in every if one and (budget.at_least or one.least > 0)]
        verdict, measured = "not measured", "–"
        if len(found) == len(budget.figures):
            worst = (min if budget.at_least else max)(found, key=lambda one: one.middle)
            value = worst.middle * budget.scale
            met = value >= budget.first if budget.at_least else value <= budget.first
            verdict = "met" if met else "not met"
            measured = cell(worst, scale=budget.scale, digits=0 if value >= 100 else 2)
        sign = "≥" if budget.at_least else "≤"
        unit = f" {budget.unit}" if budget.unit else ""
        rows.append(
            (
                budget.what,
                f"{sign} {budget.first:,g}{unit}",
                f"{sign} {budget.goal:,g}{unit}",
                measured,
                verdict,
            )
        )
    return rows


BUDGET_HEAD: Row = ("budget", "first", "goal", "measured", "first is")


def won(micro_krw: int) -> str:
    return f"{micro_krw // 1_000_000:,}.{micro_krw % 1_000_000:06}"


def audit_lines(run: Run) -> list[str]:
    lines = []
    for audit in run.audits:
        verdict = "agree" if audit.agrees else "DO NOT AGREE"
        if not audit.is_comparable:
            verdict = f"cannot be compared, since {audit.cut:,} streams were cut and charged as estimates"
        lines.append(
            f"{audit.when}: {audit.calls:,} calls at the vendor's own count × price = "
            f"{won(audit.expected_micro_krw)} won; the books say {won(audit.spent_micro_krw)} won spent, "
            f"{won(audit.held_micro_krw)} won held: the sums {verdict}"
        )
    return lines


def is_sound(run: Run) -> bool:
    """No stream of the fixed windows failed, and the books agree wherever they can be compared."""
    failed = sum(
        value for figures in run.rounds for name, value in figures.items() if name.endswith(".failed")
    )
    return not failed and all(audit.agrees for audit in run.audits if audit.is_comparable)


def show(run: Run, console: Console) -> None:
    for title, head, rows in _tables(run):
        if not rows:
            continue
        table = Table(title=title, title_justify="left")
        for number, name in enumerate(head):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in audit_lines(run):
        console.print(line)


def _tables(run: Run) -> list[tuple[str, Row, list[Row]]]:
    return [
        ("Unary", UNARY_HEAD, unary_rows(run)),
        ("Streams", STREAM_HEAD, stream_rows(run)),
        ("Held, posting, ratios", OTHER_HEAD, other_rows(run)),
        ("Budgets", BUDGET_HEAD, budget_rows(run)),
    ]


def markdown(run: Run) -> str:
    parts = [
        f"- machine: {run.machine}",
        f"- date: {run.date}",
        f"- command: `{run.command}`",
        f"- versions: {run.versions}",
        f"- figures: median of {len(run.rounds)} round(s), each with fresh processes; least–most in brackets",
    ]
    for title, head, rows in _tables(run):
        if not rows:
            continue
        align = ["---"] + ["---:"] * (len(head) - 1)
        parts += ["", f"### {title}", ""]
        parts += ["| " + " | ".join(row) + " |" for row in (head, tuple(align), *rows)]
    if run.audits:
        parts += ["", "### The books after the load", "", *(f"- {line}" for line in audit_lines(run))]
    return "\n".join(parts)


def write_into(page: Path, run: Run) -> None:
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has lost its markers {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(run)}\n\n{END}{after}")
