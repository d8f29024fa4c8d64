"""The table of docs/reference/dialects.md: what became of every recorded exchange that is served."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.fakes.vendor_recordings import WIRE
from tests.journeys.wire_protocols import PROTOCOLS, protocol_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "dialects.md"
_KEPT: Final = "Replayed with the least request of its kind, since the recorded one names what a vendor keeps"
ENDS: Final = ("as reported", "free of charge", "estimated", "refused")
_MARKS: Final = ("<!-- recorded: begin -->\n", "<!-- recorded: end -->")


def how_it_ended(record: dict[str, Any]) -> str:
    """Of a usage record that was found to be as it must be."""
    if record["status"] == "settled":
        return "estimated" if record["estimated"] else "as reported"
    return "refused" if record["error"] else "free of charge"


def assert_documented(ended: Sequence[tuple[str, str]]) -> None:
    """`ended`: (protocol, how it ended) of every replay. Where there are no recordings, nothing is said."""
    if not ended:
        return
    text = PAGE.read_text("utf-8")
    head, _, rest = text.partition(_MARKS[0])
    told, _, tail = rest.partition(_MARKS[1])
    table = _table(Counter(ended))
    assert told == table, f"{PAGE.name} should say:\n{table}"
    assert head
    assert tail


def _table(ended: Counter[tuple[str, str]]) -> str:
    exchanges = [json.loads(path.read_text("utf-8")) for path in WIRE.glob("*.json")]
    recorded = Counter(exchange["protocol"] for exchange in exchanges)
    kept = Counter(exchange["protocol"] for exchange in exchanges if _names_kept(exchange))
    lines = [f"| protocol | recorded | replayed | {' | '.join(ENDS)} |", "|---" * (3 + len(ENDS)) + "|"]
    for name in sorted(PROTOCOLS):
        counts = [ended[name, end] for end in ENDS]
        cells = [name, recorded[name], sum(counts), *counts]
        lines.append("| " + " | ".join(f"`{cell}`" if cell == name else str(cell) for cell in cells) + " |")
    named = [f"`{name}` {count}" for name, count in sorted(kept.items())]
    lines += ["", f"{_KEPT}: {', '.join(named)}."]
    others = [f"`{name}` {count}" for name, count in sorted(recorded.items()) if name not in PROTOCOLS]
    lines += ["", f"Recorded and not served: {', '.join(others)}.", ""]
    return "\n".join(lines)


def _names_kept(exchange: dict[str, Any]) -> bool:
    if exchange["protocol"] not in PROTOCOLS or exchange["response"]["status"] >= 400:
        return False
    return protocol_of(exchange).names_kept(exchange["request"]["body"])
