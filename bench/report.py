"""The report: the same figures as a table on the screen and as a section of docs/benchmarks.md.

Medians of the rounds, with the smallest and largest value behind them. Nothing here measures, and nothing is
written that was not measured: a missing figure is a dash.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.books import Audit
from bench.measures import Figures, Plan

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SUBJECTS = ("direct", "nginx", "gateway")


@dataclass(frozen=True, slots=True)
class Spread:
    middle: float
    least: float
    most: float


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


FLUSHES_PER_CALL = 2  # of Valkey's log: the hold, and the settlement
WAKES_PER_CALL = 6  # of sleeping processes, beyond those of a direct call
WAKES_OF_NGINX = 2
BUDGET_NGINX_CPU_US = 18  # what nginx took per request on the machine on which the budgets were set


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one invocation found out."""

    machine: str
    date: str
    command: str
    versions: str
    plan: Plan
    rounds: tuple[Figures, ...]
    audits: tuple[Audit, ...]


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


def spread(run: Run, name: str) -> Spread | None:
    values = [figures[name] for figures in run.rounds if name in figures]
    return Spread(median(values), min(values), max(values)) if values else None


def _cell(found: Spread | None, *, scale: float = 1.0, digits: int = 0) -> str:
    if found is None:
        return "–"
    middle, least, most = (
        f"{value * scale:,.{digits}f}" for value in (found.middle, found.least, found.most)
    )
    return middle if least == most else f"{middle} ({least}–{most})"


Row = tuple[str, ...]


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
                    _cell(spread(run, f"{name}.rps")),
                    _cell(spread(run, f"{name}.p50_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.p99_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.added_p50_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.added_p99_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.cpu_us")),
                    _cell(spread(run, f"{name}.rss_mib")),
                    _cell(spread(run, f"{name}.foreign_percent")),
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
                    _cell(spread(run, f"{name}.p50_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.p99_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.added_p50_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.added_p99_us"), scale=1e-3, digits=2),
                    _cell(spread(run, f"{name}.chunk_share"), scale=100),
                    _cell(spread(run, f"{name}.failed")),
                    _cell(spread(run, f"{name}.cpu_us_per_chunk"), digits=1),
                    _cell(spread(run, f"{name}.kib"), digits=1),
                    _cell(spread(run, f"{name}.foreign_percent")),
                )
            )
    return rows


STREAM_HEAD: Row = (
    "subject", "streams", "delay p50 ms", "delay p99 ms", "added p50 ms", "added p99 ms", "chunks %",
    "failed", "CPU µs/chunk", "KiB/stream", "foreign %",
)  # fmt: skip


def other_rows(run: Run) -> list[Row]:
    rows: list[Row] = []
    for subject in SUBJECTS:
        held = spread(run, f"{subject}.held")
        if held is not None:
            capped = spread(run, f"{subject}.held_is_cap")
            most = "at least " if capped and capped.middle else ""
            rows.append((f"streams held on one core, {subject}", most + _cell(held)))
    for what, name, digits in (
        ("posting, calls/s of one worker", "gateway.posting.calls_per_s", 0),
        ("posting, backlog in calls", "gateway.posting.backlog", 0),
        ("posting, CPU µs of the worker per call", "gateway.posting.cpu_us", 1),
    ):
        if spread(run, name) is not None:
            rows.append((what, _cell(spread(run, name), digits=digits)))
    gateway, nginx = spread(run, "gateway.c32.cpu_us"), spread(run, "nginx.c32.cpu_us")
    if gateway and nginx:
        rows.append(("CPU per request at c=32, gateway : nginx", f"{gateway.middle / nginx.middle:.1f}"))
    rows += _latency_rows(run)
    if nginx:
        pace = f"{nginx.middle:.0f} µs : {BUDGET_NGINX_CPU_US} µs"
        rows.append(("CPU per request of nginx, here : on the machine of the budgets", pace))
    return rows


def _latency_rows(run: Run) -> list[Row]:
    """What of the delay of a lone call is this machine's: its disk, and its waking of a sleeping process."""
    rows: list[Row] = []
    nginx = spread(run, "nginx.c1.added_p50_us")
    added, flush = spread(run, "gateway.c1.added_p50_us"), spread(run, "gateway.fdatasync_us")
    if flush:
        rows.append(("one fdatasync where Valkey's log lies, µs", _cell(flush)))
    if added and flush:
        rest_ms = (added.middle - FLUSHES_PER_CALL * flush.middle) / 1000
        rows.append(("added p50 with one connection, less the fdatasyncs of a call, ms", f"{rest_ms:.2f}"))
    if nginx and flush:
        least_ms = (WAKES_PER_CALL / WAKES_OF_NGINX * nginx.middle + FLUSHES_PER_CALL * flush.middle) / 1000
        rows.append(("what a call's wakes and fdatasyncs alone add here, ms", f"{least_ms:.2f}"))
    return rows


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
            measured = _cell(worst, scale=budget.scale, digits=0 if value >= 100 else 2)
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
