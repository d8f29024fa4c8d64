"""The documents of the house as the tests read them: pages, links, tables and fenced examples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FOLDERS: Final = (
    "docs",
    "bench",
    *("gateway", "providers", "metering", "billing", "portal", "launch", "config", "deploy", "tests"),
)

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_INLINE_CODE: Final = re.compile(r"`[^`\n]*`")

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def prose(self) -> str:
        """Without fenced blocks."""
        return _FENCE.sub("", self.text)

    def fences(self, *languages: str) -> list[str]:
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    def links(self) -> list[str]:
        return _LINK.findall(_INLINE_CODE.sub("", self.prose))

    def anchors(self) -> set[str]:
        """As GitHub makes them."""
        plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(self.prose))
        return {heading.strip().replace(" ", "-") for heading in plain}

    def section(self, heading: str) -> str:
        """What stands under a heading of the second level."""
        start = self.text.index(f"\n## {heading}\n")
        end = self.text.find("\n## ", start + 1)
        return self.text[start : end if end > 0 else None]


def tables(text: str) -> list[list[Row]]:
    """Every table of a text as rows by column heading; backticks are taken off."""
    found: list[list[Row]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.fullmatch(r"\|[\s|:-]+\|", line) and number > 0:
            heads = _cells(lines[number - 1])
            rows = []
            for following in lines[number + 1 :]:
                if not following.startswith("|"):
                    break
                rows.append(dict(zip(heads, _cells(following), strict=True)))
            found.append(rows)
    return found


def _cells(line: str) -> list[str]:
    protected = re.sub(r"`[^`]*`", lambda code: code.group().replace("|", "\0"), line)
    return [cell.strip().replace("\0", "|").strip("`") for cell in protected.strip("|").split("|")]


@cache
def pages() -> tuple[Page, ...]:
    """Every Markdown page of the project, and nothing that tools or runs left behind."""
    own = [path for path in ROOT.glob("*.md")]
    for folder in FOLDERS:
        own += [path for path in (ROOT / folder).rglob("*.md") if "build" not in path.parts]
    return tuple(Page(path) for path in sorted(own))


def page(name: str) -> Page:
    return Page(ROOT / name)
