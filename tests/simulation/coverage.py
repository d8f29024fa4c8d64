"""The awaits on which money depends: each must meet every fault that can happen to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from tests.simulation.clients import STAGES

ENOUGH_SEEDS: Final = 250  # that all of it is met, whatever their first

MUST_MEET: Final[Mapping[str, Collection[str]]] = {
    **dict.fromkeys(
        ("reserve", "extend", "settle", "note", "acks", "ack", "delete log", "read log", "lease"),
        ("lost", "reply lost", "slow", "duplicate"),
    ),
    **dict.fromkeys(("vacate",), ("lost", "reply lost", "slow")),
    **dict.fromkeys(("open", "lend"), ("lost", "reply lost", "slow", "duplicate")),
    **dict.fromkeys(
        (
            "posting._commit",
            "treasury._tie",
            "treasury._lend",
            "treasury.voucher_lock",
            "loans.confirm_sent",
            "idempotency_store.claim",
            "idempotency_store.finish",
            "idempotency_store.forget",
        ),
        ("lost", "reply lost", "slow"),
    ),
}
CANCELLED: Final = frozenset(STAGES)  # where a caller must have hung up


def not_met(met: Mapping[tuple[str, str], int]) -> dict[str, list[str]]:
    """await -> the faults it should have met, in ENOUGH_SEEDS."""
    missed = {
        point: [fault for fault in faults if not met.get((point, fault))]
        for point, faults in MUST_MEET.items()
    }
    not_cancelled = {point: ["cancelled"] for point in CANCELLED if not met.get((point, "cancelled"))}
    return {point: faults for point, faults in missed.items() if faults} | not_cancelled
