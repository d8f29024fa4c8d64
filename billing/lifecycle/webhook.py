"""A place to which alerts are posted: paused, ended for good; its secret is changed with overlap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, OWN_PROVIDER, Allow, Guard, Step, Table

# For so long a new secret and the one before it both sign.
OVERLAP: Final = timedelta(hours=24)
# So many may be there at once for one company, one provider, or the agency.
WEBHOOKS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Facts:
    is_own: bool = True  # of who takes the step: the agency's own, for its people
    others: int = 0
    is_address_taken: bool = True
    tests_waiting: int = 0


IS_OWN: Final = Guard[Facts](
    "not_own",
    "Only whose webhook it is sees its secret or changes it.",
    "웹훅을 등록한 기관만 변경할 수 있습니다.",
    lambda facts: facts.is_own,
)
ADDRESS: Final = Guard[Facts](
    "address_refused",
    "Alerts are posted to public https addresses, without a user name and without a fragment.",
    "공개된 https 주소만 등록할 수 있습니다. 사용자 이름과 #은 쓸 수 없습니다.",
    lambda facts: facts.is_address_taken,
    of_entry=True,
)
ROOM: Final = Guard[Facts](
    "too_many_webhooks",
    f"There are {WEBHOOKS_MAX} webhooks already.",
    f"웹훅은 {WEBHOOKS_MAX}개까지 등록할 수 있습니다.",
    lambda facts: facts.others < WEBHOOKS_MAX,
)

ONE_TEST: Final = Guard[Facts](
    "test_waits",
    "A test message is on its way there already.",
    "이미 보내는 중인 시험 알림이 있습니다.",
    lambda facts: facts.tests_waiting == 0,
)

_WHOSE: Final = (OPERATOR, OWN_COMPANY, OWN_PROVIDER)
# What somebody makes is always their own.
_MAKERS: Final = (OPERATOR, Allow("company"), Allow("provider"))
_ALIVE: Final = ("active", "paused")

TABLE: Final = Table[Facts](
    "webhook",
    "웹훅",
    {"active": "사용 중", "paused": "일시중지", "ended": "종료"},
    (
        Step("make", (), "active", _MAKERS, (ROOM, ADDRESS)),
        Step("change", _ALIVE, None, _WHOSE, (IS_OWN, ADDRESS)),
        Step("rotate", _ALIVE, None, _WHOSE, (IS_OWN,)),
        Step("test", ("active",), None, _WHOSE, (IS_OWN, ONE_TEST)),
        Step("pause", ("active",), "paused", _WHOSE),
        Step("resume", ("paused",), "active", _WHOSE, (IS_OWN,)),
        Step("refuse", ("active",), "paused", ()),
        Step("end", _ALIVE, "ended", _WHOSE),
    ),
)
