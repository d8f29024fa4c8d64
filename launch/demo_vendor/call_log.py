"""What the simulated vendor billed, call by call: the other side of every comparison with the books."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

from launch.demo_vendor.counting import Billed

KEPT_MAX: Final = 200_000


@dataclass(slots=True)
class Call:
    """`usage` is what this vendor bills, also where the answer did not say it; None: nothing is billed."""

    call_id: str
    request_id: str | None  # as the caller named it
    path: str
    model: str
    stream: bool
    status: int = 0
    ended: str = "open"  # complete | client_gone | fault
    events: int = 0
    usage: dict[str, Any] | None = None

    def bill(self, billed: Billed) -> None:
        self.usage = billed.as_usage()


class CallLog:
    def __init__(self, file: Path | None = None) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT_MAX)
        self._file: IO[str] | None = None if file is None else file.open("a", encoding="utf-8")
        self.totals: dict[str, dict[str, int]] = {}

    def ended(self, call: Call) -> None:
        """Once per call, at its end."""
        self._calls.append(call)
        total = self.totals.setdefault(
            call.model, {"calls": 0, "billed": 0, "prompt_tokens": 0, "completion_tokens": 0}
        )
        total["calls"] += 1
        if call.usage is not None:
            total["billed"] += 1
            total["prompt_tokens"] += call.usage["prompt_tokens"]
            total["completion_tokens"] += call.usage["completion_tokens"]
        if self._file is not None:
            self._file.write(json.dumps(asdict(call), ensure_ascii=False) + "\n")
            self._file.flush()

    def calls(self, *, request_id: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Oldest first; `limit` takes the newest."""
        found = [call for call in self._calls if request_id is None or call.request_id == request_id]
        return [asdict(call) for call in (found if limit is None else found[-limit:] if limit else [])]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
