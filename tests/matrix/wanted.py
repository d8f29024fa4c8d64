"""What a stand-in of a vendor understood of a request, and what it answers: alike for every dialect.

It answers by what it was asked in its own dialect: what was lost on the way to it shows in the answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

INPUT_TOKENS: Final = 40
OUTPUT_TOKENS: Final = 12
REASONING_TOKENS: Final = 5  # of the output


@dataclass(slots=True)
class Wanted:
    """Said in the vendor's own words, and read by the stand-in of that vendor."""

    stream: bool = False
    system: str = ""
    texts: list[str] = field(default_factory=list)  # of the user, in order
    images: int = 0
    tools: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)  # tools of former turns, with their arguments
    schema: dict[str, Any] | None = None
    thinks: bool = False
    stops: list[str] = field(default_factory=list)
    n: int = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    thought: str = ""
    by_stop: str = ""  # the word that ended it


class Fails(Exception):
    """The vendor refuses this request: 400."""


def answer_to(wanted: Wanted) -> Said:
    last = wanted.texts[-1] if wanted.texts else ""
    if "fail" in last:
        raise Fails
    if wanted.results:
        return Said("맑음: " + ", ".join([*wanted.called, *wanted.results]))
    if wanted.tools:
        cities = ["서울", "부산"] if "both" in last else ["서울"]
        return Said(calls=tuple((wanted.tools[0], {"city": city}) for city in cities))
    if wanted.schema is not None:
        return Said(json.dumps(dict.fromkeys(wanted.schema["properties"], "서울"), ensure_ascii=False))
    if wanted.images:
        return Said(f"그림 {wanted.images}")
    if wanted.thinks:
        return Said("답", thought="흠")
    if wanted.stops:
        return Said("하나 둘 ", by_stop=wanted.stops[0])
    return Said(f"{wanted.system} 안녕".strip())
