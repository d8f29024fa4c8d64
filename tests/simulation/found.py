"""Which seed misses which safeguard first, and by which invariant. Written by `--safeguards`."""

from __future__ import annotations

from typing import Final

FOUND: Final[dict[str, tuple[int, str]]] = {
    "op-id replay": (6, "purse and books"),
    "event inside the settle script": (1, "G1 overspent"),
    "epoch fence": (76, "G1 overspent"),
    "fence by run_id only": (21, "rest"),
    "open with a ticket": (28, "purse and books"),
    "used ticket replaced": (5, "serves"),
}

SURVIVORS: Final[dict[str, str]] = {}
