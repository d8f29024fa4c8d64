"""Where each dialect has our code in its errors."""

from __future__ import annotations

from typing import Any


def our_code(said: Any) -> str:
    """Raises LookupError or TypeError where there is none."""
    if "status" in said:  # CLOVA
        return str(said["status"]["reason"])
    error = said["error"]
    return str(error["details"][0]["reason"] if "details" in error else error["code"])
