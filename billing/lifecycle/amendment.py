"""An amendment's life (변경승인): asked for by company or agency, approved or refused by the agency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    today: date
    agreement_state: str
    ends_on: date  # as agreed until now
    changes: bool
    new_starts_on: date
    new_ends_on: date
    programme_starts_on: date
    programme_ends_on: date


AGREEMENT_SIGNED: Final = Guard[Facts](
    "agreement_not_signed",
    "Only a signed agreement is amended.",
    "체결된 협약만 변경할 수 있습니다.",
    lambda facts: facts.agreement_state == "signed",
)
IN_PERIOD: Final = Guard[Facts](
    "period_closed",
    "The agreement's last day has passed.",
    "협약 기간이 이미 끝났습니다.",
    lambda facts: facts.today <= facts.ends_on,
)
CHANGES: Final = Guard[Facts](
    "nothing_changes",
    "The amendment changes nothing.",
    "변경되는 내용이 없습니다.",
    lambda facts: facts.changes,
    of_entry=True,
)
WITHIN_PROGRAMME: Final = Guard[Facts](
    "outside_programme",
    "The period would lie outside the programme's, or end before it begins or before today.",
    "변경 후 협약 기간이 사업 기간을 벗어나거나 올바르지 않습니다.",
    lambda facts: (
        facts.programme_starts_on <= facts.new_starts_on <= facts.new_ends_on <= facts.programme_ends_on
        and facts.new_ends_on >= facts.today
    ),
)

_SOUND: Final = (AGREEMENT_SIGNED, IN_PERIOD, CHANGES, WITHIN_PROGRAMME)

TABLE: Final = Table[Facts](
    "amendment",
    "변경승인",
    {"requested": "요청", "approved": "승인", "refused": "반려", "withdrawn": "철회"},
    (
        Step("make", (), "requested", (OWN_COMPANY, OPERATOR), _SOUND, needs_reason=True),
        Step("approve", ("requested",), "approved", (OPERATOR,), _SOUND),
        Step("refuse", ("requested",), "refused", (OPERATOR,), needs_reason=True),
        Step("withdraw", ("requested",), "withdrawn", (OWN_COMPANY,)),
    ),
)
