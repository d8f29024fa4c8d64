"""One alert on its way to one place: tried until it is there or given up, sent again when asked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, OWN_PROVIDER, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    is_place_there: bool = True  # the person may sign in, the webhook has not ended


PLACE_THERE: Final = Guard[Facts](
    "place_gone",
    "The webhook has ended, or the person's account is disabled.",
    "종료된 웹훅이거나 사용이 중지된 계정입니다.",
    lambda facts: facts.is_place_there,
)

TABLE: Final = Table[Facts](
    "delivery",
    "알림 발송",
    {"waiting": "발송 대기", "sent": "발송됨", "failed": "발송 실패"},
    (
        Step("send", ("waiting",), "sent", ()),
        Step("give_up", ("waiting",), "failed", ()),
        Step("resend", ("sent", "failed"), "waiting", (OPERATOR, OWN_COMPANY, OWN_PROVIDER), (PLACE_THERE,)),
    ),
)
