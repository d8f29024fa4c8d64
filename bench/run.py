"""What one invocation of the benchmark found out, and its figures as cells of a table."""

from dataclasses import dataclass
from statistics import median

from bench.books import Audit
from bench.measures import Figures
from bench.plan import Plan

SUBJECTS = ("direct", "nginx", "gateway")
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    middle: float
    least: float
    most: float


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


def spread(run: Run, name: str) -> Spread | None:
    values = [figures[name] for figures in run.rounds if name in figures]
    return Spread(median(values), min(values), max(values)) if values else None


def cell(found: Spread | None, *, scale: float = 1.0, digits: int = 0) -> str:
    if found is None:
        return "–"
    middle, least, most = (
        f"{value * scale:,.{digits}f}" for value in (found.middle, found.least, found.most)
    )
    return middle if least == most else f"{middle} ({least}–{most})"
