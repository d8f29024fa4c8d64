"""A long job: asked for by a person, done by the clock, and left by nobody half-done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER, Guard, Step, Table

# Each brings a file of its own: nobody is to fill the queue, and the books, with them.
JOBS_OF_A_PROVIDER_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Facts:
    is_first: bool = True
    may_end: bool = True
    own_unended: int = 0  # of the provider who asks


IS_FIRST: Final = Guard[Facts](
    "job_under_way",
    "The same job is waiting or running already.",
    "같은 작업이 이미 대기 중이거나 진행 중입니다.",
    lambda facts: facts.is_first,
)
ROOM: Final = Guard[Facts](
    "too_many_jobs",
    f"A provider has at most {JOBS_OF_A_PROVIDER_MAX} jobs that wait or run.",
    f"공급기업의 작업은 대기와 진행을 합해 {JOBS_OF_A_PROVIDER_MAX}건까지 가능합니다.",
    lambda facts: facts.own_unended < JOBS_OF_A_PROVIDER_MAX,
)
MAY_END: Final = Guard[Facts](
    "not_your_job",
    "Auditors cancel only what they asked for.",
    "감사인은 본인이 요청한 작업만 취소할 수 있습니다.",
    lambda facts: facts.may_end,
)
UNENDED: Final = ("queued", "running", "cancelling")

TABLE: Final = Table[Facts](
    "job",
    "작업",
    {
        "queued": "대기",
        "running": "진행 중",
        "cancelling": "취소 중",
        "done": "완료",
        "failed": "실패",
        "cancelled": "취소됨",
    },
    (
        Step("ask", (), "queued", (OPERATOR, AUDITOR, OWN_PROVIDER), (IS_FIRST, ROOM)),
        Step("begin", ("queued",), "running", ()),
        Step("resume", ("running",), "running", ()),
        Step("cancel", ("queued", "running"), "cancelling", (OPERATOR, AUDITOR, OWN_PROVIDER), (MAY_END,)),
        Step("finish", ("running",), "done", ()),
        Step("fail", ("queued", "running"), "failed", ()),
        Step("stop", ("cancelling",), "cancelled", ()),
    ),
)
