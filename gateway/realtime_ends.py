"""How a realtime session ends: what the client is told, what becomes of a response that runs. Values only."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from gateway.problems import Problem

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
POLICY: Final = 1008
INTERNAL: Final = 1011
CUT: Final = "session_ended"  # the end reason of a response that we ended


class End(msgspec.Struct, frozen=True):
    close_code: int
    reason: str  # of the close frame: one of the contract's codes, or a word
    end_reason: str = CUT  # of responses that are running and tell no usage
    problem: Problem | None = None
    message: str | None = None  # of an error that is no Problem
    patience_s: float = 0.0  # for running responses to end
    cancels: bool = True  # the vendor is asked to end them; else they may go on
    client_gone: bool = False
    error: str | None = None  # of the records of running responses


CLIENT_GONE: Final = End(NORMAL, "", "client_gone", patience_s=3.0, client_gone=True)
STOPPING: Final = End(GOING_AWAY, "gateway_stopping", "gateway_lost", patience_s=20.0, cancels=False)
STOPPED: Final = End(GOING_AWAY, "gateway_stopping", "gateway_lost")
EXPIRED: Final = End(
    NORMAL,
    "session_expired",
    message="The session has reached its longest duration; connect again.",
    patience_s=10.0,
    cancels=False,
)
IDLE: Final = End(
    NORMAL, "session_idle", message="Nothing was said for too long; connect again.", patience_s=3.0
)
VENDOR_CLOSED: Final = End(NORMAL, "vendor_closed", "upstream_error", error="upstream_error")


def refused(problem: Problem) -> End:
    return End(POLICY, problem.code, problem=problem, patience_s=3.0)


def failed(code: str) -> End:
    """On the vendor's side or on ours: nobody can be asked to end a response well."""
    reason = "upstream_error" if code == "upstream_error" else "gateway_lost"
    return End(INTERNAL, code, reason, problem=Problem(code), error=code)


def error_event(
    event_id: str,
    *,
    code: str,
    message: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
    about: str | None = None,
) -> str:
    """The API's own form. `about`: the client's name of the event that caused it."""
    error: dict[str, Any] = {
        "type": kind,
        "code": code,
        "message": message,
        "param": param,
        "event_id": about,
    }
    return orjson.dumps({"type": "error", "event_id": event_id, "error": error}).decode()


__all__ = [
    "CLIENT_GONE", "EXPIRED", "IDLE", "STOPPED", "STOPPING", "VENDOR_CLOSED",
    "End", "error_event", "failed", "refused",
]  # fmt: skip
