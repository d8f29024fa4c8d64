"""A circuit breaker per upstream target, fed by the calls themselves. Pure: time is handed in.

    healthy ── failures_max failures in a row ──> resting (cooldown_s) ──> on trial
    on trial: a success makes it healthy and forgets everything; a failure lets it rest twice as long

While resting a target is asked only when no other is left (routing decides). On trial it counts as healthy:
the next call is the probe, so no prober runs beside the traffic. A refusal of a request is no failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES_MAX: Final = 3
COOLDOWN_S: Final = 5.0
COOLDOWN_S_MAX: Final = 120.0


@dataclass(slots=True)
class _Record:
    failures: int = 0  # in a row
    rests: int = 0  # in a row, each twice as long
    resting_until_s: float = 0.0


class Health:
    def __init__(
        self,
        *,
        failures_max: int = FAILURES_MAX,
        cooldown_s: float = COOLDOWN_S,
        cooldown_s_max: float = COOLDOWN_S_MAX,
    ) -> None:
        self._failures_max = failures_max
        self._cooldown_s = cooldown_s
        self._cooldown_s_max = cooldown_s_max
        self._records: dict[str, _Record] = {}  # of targets that have failed lately only

    def success(self, target_id: str) -> None:
        if self._records:
            self._records.pop(target_id, None)

    def failure(self, target_id: str, now_s: float) -> None:
        record = self._records.setdefault(target_id, _Record())
        if now_s < record.resting_until_s:
            return  # calls that began before the rest: one outage is one rest
        record.failures += 1
        if record.failures >= self._failures_max or record.rests:
            cooldown_s = min(self._cooldown_s * 2**record.rests, self._cooldown_s_max)
            record.failures = 0
            record.rests = min(record.rests + 1, 30)
            record.resting_until_s = now_s + cooldown_s

    def is_healthy(self, target_id: str, now_s: float) -> bool:
        record = self._records.get(target_id)
        return record is None or now_s >= record.resting_until_s
