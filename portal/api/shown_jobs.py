"""The answers of long jobs as models."""

from __future__ import annotations

from portal.api.shown import Shown


class JobFileShown(Shown):
    name: str
    bytes: int
    sha256: str
    expires_at: str


class JobShown(Shown):
    """`whole`: null where nobody knows yet. `result`: what was made, as a path of this API."""

    id: str
    kind: str
    state: str
    provider: str | None
    month: str | None
    programme: str | None
    person: str | None
    asked_at: str
    started_at: str | None
    ended_at: str | None
    attempt: int
    done: int
    whole: int | None
    code: str | None
    message: str | None
    message_ko: str | None
    result: str | None
    file: JobFileShown | None
