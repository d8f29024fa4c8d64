"""Labels of what forms ask and pages show, by the API's names."""

from __future__ import annotations

from typing import Final

_FIELDS: Final[dict[str, tuple[str, str]]] = {
    "reason": ("사유", "Reason"),
}
TEXTS: Final[dict[str, tuple[str, str]]] = {f"field.{name}": words for name, words in _FIELDS.items()}
