"""The matrix as docs/reference/dialects.md shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.matrix.cells import FEATURES

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "dialects.md"
MARKS: Final = ("<!-- matrix: begin -->\n", "<!-- matrix: end -->")


def page_text() -> str:
    text = PAGE.read_text("utf-8")
    return text.partition(MARKS[0])[2].partition(MARKS[1])[0]


def table(upstreams: Sequence[str], refused: Mapping[tuple[str, str, str], str]) -> str:
    """A row per feature: what each upstream makes of it, whichever client asks."""
    lines = [
        "| | " + " | ".join(f"`{name}`" for name in upstreams) + " |",
        "|---" * (1 + len(upstreams)) + "|",
    ]
    for feature in FEATURES:
        cells = []
        for upstream in upstreams:
            named = {name for (_, at, what), name in refused.items() if (at, what) == (upstream, feature)}
            cells.append("refused: " + ", ".join(f"`{name}`" for name in sorted(named)) if named else "yes")
        lines.append(f"| {feature} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
