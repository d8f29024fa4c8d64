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
    "loans in totals": (142, "rest"),
    "no seed of an existing epoch": (1, "G1 overspent"),
    "a purse that is not current is vacated": (10, "rest"),
    "open holds never expire": (2, "purse and books"),
    "settle once": (4, "purse"),
    "insert on conflict": (0, "parked"),
    "settled after swept is corrected": (11, "G2 charge"),
    "re-send buffer": (3, "rest"),
    "sweeper checkpoint": (11, "G2 checkpoint"),
    "frozen price": (0, "G2 charge"),
    "wait queue": (0, "G3 waited"),
}

SURVIVORS: Final[dict[str, str]] = {}
