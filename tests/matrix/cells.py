"""What each client asks for and tells of its answer: one row per feature, in no client's words."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

PIXEL: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FEATURES: Final = (
    "text", "text streamed", "tools", "tools streamed", "parallel tools", "parallel tools streamed",
    "tool results", "images", "schema", "reasoning", "reasoning streamed", "stop", "n", "error",
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    """An answer as the SDK's typed objects have it."""

    text: str | None = None
    end: str | None = None  # the SDK's own word
    calls: list[list[Any]] = field(default_factory=list)
    thought: str | None = None
    tokens: list[int] | None = None  # in and out
    model: str | None = None
    choices: int = 1
    error: str | None = None  # the SDK's class
    status: int | None = None
    code: str | None = None  # ours
    param: str | None = None


def tell(product: str, feature: str, seen: Seen) -> None:
    print(
        json.dumps({"product": product, "feature": feature, "seen": asdict(seen)}, ensure_ascii=False),
        flush=True,
    )
