"""What is wrong with a declaration: every finding names the line, the field and the reason. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Path = tuple[str | int, ...]

SHOWN_MAX: Final = 100


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    line: int
    path: str
    reason: str


class DeclarationRefused(Exception):
    """Nothing was applied. The text has one line per finding: FILE:LINE: path: reason."""

    def __init__(self, source: str, findings: Iterable[Finding]) -> None:
        self.source = source
        self.findings = tuple(sorted(set(findings)))
        lines = [
            f"{source}:{finding.line}: {finding.path}: {finding.reason}"
            for finding in self.findings[:SHOWN_MAX]
        ]
        if (more := len(self.findings) - SHOWN_MAX) > 0:
            lines.append(f"{source}: and {more} more")
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Places:
    """Where each value of the file stands."""

    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of the value, or of what it would stand in."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return 1

    def finding(self, path: Path, reason: str) -> Finding:
        return Finding(self.line(path), path_text(path), reason)


def path_text(path: Sequence[str | int]) -> str:
    """("products", 0, "upstream", 1, "model") -> "products[0].upstream[1].model"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or "(file)"
