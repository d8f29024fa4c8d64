"""A programme's life. Budget, caps, shares and dates are the directory's; here is whether it takes rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    rounds_running: int = 0
    share_from_today: bool = True
    holdback_from_open: bool = True
    agreements_unsettled: int = 0
    vouchers_alive: int = 0  # declared, without an agreement, as the next ones
    vouchers_unsettled: int = 0


NO_ROUND_RUNS: Final = Guard[Facts](
    "round_running",
    "A round of this programme is announced and not yet decided.",
    "아직 선정이 끝나지 않은 회차가 있습니다.",
    lambda facts: facts.rounds_running == 0,
)
NOT_BACKDATED: Final = Guard[Facts](
    "share_backdated",
    "A share changes from today or a later day on; the past stays as it was.",
    "지원 비율은 오늘 이후 날짜부터만 바꿀 수 있습니다.",
    lambda facts: facts.share_from_today,
    of_entry=True,
)
HOLDBACK_NOT_BACKDATED: Final = Guard[Facts](
    "holdback_backdated",
    "A holdback changes from a month on that is not closed.",
    "유보 비율은 마감되지 않은 달부터만 바꿀 수 있습니다.",
    lambda facts: facts.holdback_from_open,
    of_entry=True,
)
ALL_SETTLED: Final = Guard[Facts](
    "agreements_unsettled",
    "An agreement of this programme is not settled.",
    "아직 정산이 끝나지 않은 협약이 있습니다.",
    lambda facts: facts.agreements_unsettled == 0,
)
ALL_ENDED: Final = Guard[Facts](
    "vouchers_alive",
    "A voucher of this programme that was declared without an agreement has not ended.",
    "아직 끝나지 않은 바우처(협약 없이 발급)가 있습니다.",
    lambda facts: facts.vouchers_alive == 0,
)
VOUCHERS_SETTLED: Final = Guard[Facts](
    "vouchers_unsettled",
    "A voucher of this programme that was declared without an agreement is not settled.",
    "아직 정산이 끝나지 않은 바우처(협약 없이 발급)가 있습니다.",
    lambda facts: facts.vouchers_unsettled == 0,
)

TABLE: Final = Table[Facts](
    "programme",
    "사업",
    {"draft": "작성 중", "open": "운영 중", "closed": "종료"},
    (
        Step("make", (), "draft", (OPERATOR,)),
        Step("change", ("draft", "open"), None, (OPERATOR,)),
        Step("change_share", ("draft", "open"), None, (OPERATOR,), (NOT_BACKDATED,)),
        Step(
            "change_holdback",
            ("draft", "open", "closed"),
            None,
            (OPERATOR,),
            (HOLDBACK_NOT_BACKDATED,),
            needs_reason=True,
        ),
        Step("open", ("draft",), "open", (OPERATOR,)),
        Step(
            "close",
            ("open",),
            "closed",
            (OPERATOR,),
            (NO_ROUND_RUNS, ALL_SETTLED, ALL_ENDED, VOUCHERS_SETTLED),
            needs_reason=True,
        ),
    ),
)
