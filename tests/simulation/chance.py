"""The one source of chance of a run. Everything that is not fixed is asked for here, in an order that is."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from tests.simulation.traces import Trace

LINE_FAULTS: Final = ("lost", "reply lost", "slow", "duplicate")
BOOKS_FAULTS: Final = ("lost", "reply lost", "slow")


class Chance(random.Random):
    """`line_rate` and `books_rate` are the shares of commands and of SQL transactions that meet a fault."""

    def __init__(self, seed: int, trace: Trace, now_s: Callable[[], float]) -> None:
        super().__init__(seed)
        self.trace = trace
        self.line_rate = 0.0
        self.books_rate = 0.0
        self._now_s = now_s

    def say(self, words: str) -> None:
        self.trace.say(self._now_s(), words)

    def passed(self, point: str) -> None:
        self.trace.passed[point] += 1

    def met(self, point: str, fault: str) -> None:
        self.trace.met[point, fault] += 1
        self.say(f"{point}: {fault}")

    def likely(self, _: str, probability: float) -> bool:
        return self.random() < probability

    def line_fault(self, point: str) -> str | None:
        rate = self.line_rate if point != "load scripts" else self.line_rate / 10  # there are many, at once
        if not rate or self.random() >= rate:
            return None
        fault = self.choice(LINE_FAULTS)
        self.met(point, fault)
        return fault

    def books_fault(self, point: str) -> str | None:
        if not self.books_rate or self.random() >= self.books_rate:
            return None
        fault = self.choice(BOOKS_FAULTS)
        self.met(point, fault)
        return fault

    def hop_s(self) -> float:
        """One way over the wire."""
        return self.random() * 0.004

    def slow_s(self) -> float:
        """Sometimes beyond everybody's patience."""
        return self.choice((0.05, 0.3, 1.0, 2.6))

    def late_s(self) -> float:
        return self.choice((0.01, 0.2, 1.5, 6.0))
