"""What a caller wants, and what it may conclude from the bytes it got."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.history import Ended, Verdict
from tests.journeys.caller import Answer, micro


@dataclass(frozen=True, slots=True)
class Wanted:
    """One operation as a caller means it; `leave_after` pieces it hangs up."""

    company: str
    kind: str
    product: str
    body: bytes
    path: str
    leave_after: int | None = None


def read_answer(request_id: str, wanted: Wanted, answer: Answer, *, at_ms: int) -> Ended:
    """What a caller may conclude from the bytes it got."""
    streamed = answer.headers.get("Content-Type", "").startswith("text/event-stream")
    verdict: Verdict = "unknown"
    code, charge, digest, delivered = None, None, None, None
    if streamed:
        delivered = sum(1 for chunk in answer.chunks if _has_text(chunk))
        if answer.is_done and not answer.is_cut:
            verdict, charge = "ok", micro(answer.comment["charge_krw"])
            if answer.comment.get("ended") is not None:
                code = answer.comment["ended"]
        else:
            code = next((chunk["error"]["code"] for chunk in answer.chunks if "error" in chunk), None)
    elif not answer.is_cut and answer.status == 200:
        verdict, charge = "ok", micro(answer.headers["X-Voucher-Charge-KRW"])
    elif not answer.is_cut and answer.status >= 400:
        verdict, code = "fail", answer.code
    if verdict == "ok":
        digest = hashlib.sha256(answer.body).hexdigest()[:16]
    return Ended(
        request_id=request_id,
        verdict=verdict,
        at_ms=at_ms,
        status=answer.status,
        code=code,
        usage_id=answer.headers.get("X-Voucher-Usage-Id"),
        charge_micro=charge,
        delivered=delivered,
        digest=digest,
    )


def _has_text(chunk: Mapping[str, Any]) -> bool:
    return any(choice["delta"].get("content") for choice in chunk.get("choices", []))


def now_ms() -> int:
    return time.time_ns() // 1_000_000
