"""The two versions of chat completions, where they differ in what the gateway itself says. Values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from metering.usage import Usage
from providers.clova.usage import usage_to_v1, usage_to_v3


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    reason_field: str
    stop: str  # its word for an answer that ended by itself, or before a word to stop at
    length: str  # its word for an answer that ended by length
    usage_fields: Callable[[Usage | None], dict[str, Any]]


V1: Final = Version(1, "stopReason", "stop_before", "LENGTH", usage_to_v1)
V3: Final = Version(3, "finishReason", "stop", "length", usage_to_v3)
REASON_FIELDS: Final = tuple(version.reason_field for version in (V1, V3))
