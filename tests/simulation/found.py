"""Which seed misses which safeguard first, and by which invariant. Written by `--safeguards`."""

from __future__ import annotations

from typing import Final

FOUND: Final[dict[str, tuple[int, str]]] = {
    "op-id replay": (26, "purse and books"),
    "event inside the settle script": (29, "purse and books"),
    "epoch fence": (14, "G1 overspent"),
    "fence by run_id only": (104, "purse and books"),
    "used ticket replaced": (89, "serves"),
    "no seed of an existing epoch": (8, "rest"),
    "a purse that is not current is vacated": (66, "answered"),
    "open holds never expire": (4, "rest"),
    "settle once": (12, "purse"),
    "insert on conflict": (1, "parked"),
    "a key keeps its op": (124, "G2 once"),
    "re-send buffer": (7, "rest"),
    "frozen price": (1, "G3 refused"),
    "wait queue": (1, "G3 waited"),
    "overrun cap": (4, "purse"),
    "remainder returns when all have left": (3, "G1 overspent"),
    "late settlements touch no balance": (1, "purse"),
}

# Where no seed need miss it, tests do that inject the one fault: each of them fails without its safeguard.
NAMED: Final[dict[str, tuple[str, ...]]] = {
    "hold-expiry fence": (
        "tests/metering/test_epochs.py::test_a_swept_hold_is_charged_its_floor_and_settles_late",
    ),
    "settled after swept is corrected": (
        "tests/billing/test_posting.py::test_settled_after_swept_books_the_difference",
    ),
    "a charge after a release is booked": (
        "tests/metering/test_holds.py::test_a_charge_after_a_release_is_told_to_the_books",
        "tests/billing/test_posting_rules.py::test_where_a_charge_comes_from",
    ),
    "holds that came back are ended": (
        "tests/metering/test_meter_life.py"
        "::test_what_a_data_set_brings_back_open_is_ended_though_its_call_was_settled_elsewhere",
    ),
    "a key keeps its op after a release": (
        "tests/billing/test_made_again.py::test_one_op_for_a_key_whatever_a_dead_gateways_journal_tells",
    ),
    "no byte that nobody would know of": ("tests/gateway/test_slices.py::test_nor_for_long",),
    "what is counted after all is followed": (
        "tests/billing/test_posting_counted.py::test_a_data_set_that_was_away_comes_back_and_counts",
    ),
    "what was given stays owed": (
        "tests/metering/test_holds.py"
        "::test_what_a_dead_gateway_gave_stays_owed_where_the_call_made_again_comes_to_nothing",
    ),
    "a sweep names its gateway": (
        "tests/metering/test_sweeping.py::test_who_swept_a_dead_gateways_list_too_late_ends_no_hold_of_another",
    ),
    "an extension names its gateway": (
        "tests/metering/test_sweeping.py::test_who_lost_a_hold_to_another_gateway_hears_that_it_is_gone",
    ),
    "sweeper checkpoint": ("tests/metering/test_holds.py::test_a_checkpoint_only_rises",),
    "open with a ticket": ("tests/metering/test_epochs.py::test_no_ticket_no_epoch",),
    "loans under a version": ("tests/metering/test_epochs.py::test_a_limit_is_a_total_under_a_version",),
    "loans in totals": ("tests/billing/test_loans.py::test_a_total_makes_good_the_message_that_was_lost",),
    "entries deleted one by one": ("tests/metering/test_log.py::test_only_what_is_named_is_deleted",),
    "cancelled-command isolation": (
        "tests/metering/test_redis_line.py::test_a_cancelled_caller_takes_its_reply_with_it",
        "tests/metering/test_redis_line.py::test_a_caller_that_stops_waiting_shifts_nothing",
    ),
    "no retries by the connection": (
        "tests/metering/test_redis_line.py::test_a_wire_that_is_silent_counts_as_broken",
        "tests/metering/test_redis_line.py::test_a_server_that_stopped_counts_as_gone",
    ),
    "the settings of every node are read": (
        "tests/launch/test_cluster_settings.py::test_every_node_is_looked_at",
    ),
}

SURVIVORS: Final[dict[str, str]] = {}
