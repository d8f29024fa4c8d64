"""Which seed misses which safeguard first, and by which invariant. Written by `--safeguards`."""

from __future__ import annotations

from typing import Final

FOUND: Final[dict[str, tuple[int, str]]] = {
    "op-id replay": (27, "purse and books"),
    "event inside the settle script": (4, "G1 overspent"),
    "epoch fence": (3, "G1 overspent"),
    "fence by run_id only": (15, "rest"),
    "used ticket replaced": (0, "serves"),
    "no seed of an existing epoch": (1, "G1 overspent"),
    "a purse that is not current is vacated": (8, "serves"),
    "hold-expiry fence": (17, "purse"),
    "open holds never expire": (2, "purse and books"),
    "settle once": (17, "purse"),
    "insert on conflict": (0, "parked"),
    "settled after swept is corrected": (17, "G2 charge"),
    "re-send buffer": (3, "rest"),
    "sweeper checkpoint": (11, "G2 checkpoint"),
    "frozen price": (0, "G2 charge"),
    "wait queue": (1, "G3 waited"),
    "overrun cap": (3, "purse"),
    "remainder returns when all have left": (25, "G1 overspent"),
    "late settlements touch no balance": (3, "purse"),
}

# Where no seed need miss it, tests do that inject the one fault: each of them fails without its safeguard.
NAMED: Final[dict[str, tuple[str, ...]]] = {
    "open with a ticket": ("tests/metering/test_epochs.py::test_no_ticket_no_epoch",),
    "loans under a version": ("tests/metering/test_epochs.py::test_a_limit_is_a_total_under_a_version",),
    "entries deleted one by one": ("tests/metering/test_log.py::test_only_what_is_named_is_deleted",),
    "cancelled-command isolation": (
        "tests/metering/test_redis_line.py::test_a_cancelled_caller_takes_its_reply_with_it",
        "tests/metering/test_redis_line.py::test_a_caller_that_stops_waiting_shifts_nothing",
    ),
    "no retries by the connection": (
        "tests/metering/test_redis_line.py::test_a_wire_that_is_silent_counts_as_broken",
        "tests/metering/test_redis_line.py::test_a_server_that_stopped_counts_as_gone",
    ),
}

SURVIVORS: Final[dict[str, str]] = {
    "loans in totals": "not searched to the end in this state of the simulation",
}
