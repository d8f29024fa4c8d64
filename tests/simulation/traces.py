"""What happened in a run: a digest to compare two runs by, and which awaits met which faults."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

RECENT: Final = 60  # lines shown when a run ends badly


class Trace:
    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=16)
        self.recent: deque[str] = deque(maxlen=RECENT)
        self.full: list[str] = []  # every line: read where a run ends badly, or somebody wants to
        self.met: Counter[tuple[str, str]] = Counter()  # (await, fault) -> times
        self.passed: Counter[str] = Counter()  # await -> times

    def say(self, now_s: float, words: str) -> None:
        line = f"{now_s:.4f} {words}"
        self._digest.update(line.encode() + b"\n")
        self.recent.append(line)
        self.full.append(line)

    def digest(self) -> str:
        return self._digest.hexdigest()


def table(met: Counter[tuple[str, str]], passed: Counter[str]) -> str:
    """await points down, faults across."""
    faults = sorted({fault for _, fault in met})
    points = sorted(set(passed) | {point for point, _ in met})
    rows = [["await", "passed", *faults]]
    rows += [[point, str(passed[point]), *_cells(met, point, faults)] for point in points]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )


def _cells(met: Counter[tuple[str, str]], point: str, faults: Iterable[str]) -> list[str]:
    return [str(met[point, fault]) if met[point, fault] else "·" for fault in faults]
