"""How often somebody may try a password: a sliding minute per address and per mail, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

WINDOW_S: Final = 60.0
NAMES_MAX: Final = 10_000


@dataclass(slots=True)
class Attempts:
    per_minute: int
    _seen: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def retry_after_s(self, name: str, *, now_s: float) -> float | None:
        """Count one attempt; None where it may go ahead. A refused one is not counted."""
        times = self._seen.get(name)
        if times is None:
            times = self._seen[name] = deque(maxlen=self.per_minute)
            if len(self._seen) > NAMES_MAX:
                self._seen.popitem(last=False)
        self._seen.move_to_end(name)
        while times and times[0] <= now_s - WINDOW_S:
            times.popleft()
        if len(times) >= self.per_minute:
            return times[0] + WINDOW_S - now_s
        times.append(now_s)
        return None
