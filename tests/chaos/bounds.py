"""What a run must keep: each bound with what was measured, and whether it is kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

CAMPAIGN_MINUTES: Final = 30
KILLS_MIN: Final = 150
REFUSING_MAX_S: Final = 10.0
ROLES: Final = ("gateway", "valkey", "postgres", "worker")
RULES: Final = {
    "overspent": "micro-won overspent",
    "lost": "micro-won lost",
    "wrong": "micro-won wrongly charged",
    "refused": "refused though it could be paid (402)",
    "books": "disagreements of the books",
}


@dataclass(frozen=True, slots=True)
class Bound:
    what: str
    measured: float
    limit: float
    is_least: bool = False  # else the most that may be

    @property
    def is_kept(self) -> bool:
        return self.measured >= self.limit if self.is_least else self.measured <= self.limit

    def __str__(self) -> str:
        return f"{self.what}: {self.measured:g}, at {'least' if self.is_least else 'most'} {self.limit:g}"


def bounds(figures: Mapping[str, Any]) -> list[Bound]:
    """`figures`: of report.summary."""
    return list(_bounds(figures))


def _bounds(figures: Mapping[str, Any]) -> Iterator[Bound]:
    for rule, words in RULES.items():
        yield Bound(f"findings, {words}", figures["findings"][rule], 0)
    yield Bound("findings of the independent checker", figures["audit"]["findings"], 0)
    yield Bound("completed calls", figures["ok"], 1, is_least=True)
    for kind, seconds in figures["not_serving_longest_s"].items():
        yield Bound(f"seconds without service after: {kind}", seconds, REFUSING_MAX_S)
    for kind, refused in figures["refused_503"].items():
        yield Bound(f"seconds of 503 by: {kind}", refused["longest_s"], REFUSING_MAX_S)
    if figures["minutes"] >= CAMPAIGN_MINUTES:
        for role in ROLES:
            kills = figures["kills_of_who_had_served"].get(f"kill {role}", 0)
            yield Bound(f"kills of a {role} that had served", kills, KILLS_MIN, is_least=True)
