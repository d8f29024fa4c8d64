"""A voucher's life. Gateways know the directory's row; the state is that row, its end and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_COMPANY, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    agreement_state: str | None = None  # None: declared by the operator, without one
    has_voucher: bool = False
    deposit_rule: str = "rolling"
    deposit_micro: int = 0
    deposit_due_micro: int = 0
    today: date | None = None
    ends_on: date | None = None
    new_ends_on: date | None = None
    programme_ends_on: date | None = None
    spent_micro: int = 0
    claimed_micro: int = 0
    own_micro: int = 0  # the company's own money
    paid_in_micro: int = 0
    has_settlement: bool = False
    is_own_fund: bool = False


AGREEMENT_SIGNED: Final = Guard[Facts](
    "agreement_not_signed",
    "A voucher is issued on a signed agreement.",
    "체결된 협약에 대해서만 바우처를 발급할 수 있습니다.",
    lambda facts: facts.agreement_state == "signed",
)
ONE_VOUCHER: Final = Guard[Facts](
    "voucher_exists",
    "The agreement has its voucher.",
    "이미 바우처가 발급된 협약입니다.",
    lambda facts: not facts.has_voucher,
)
DEPOSIT_PAID: Final = Guard[Facts](
    "deposit_missing",
    "This programme's vouchers open when the whole self share in cash is paid in.",
    "자기부담금(현금)을 모두 예치해야 바우처를 발급할 수 있습니다.",
    lambda facts: facts.deposit_rule != "full" or facts.deposit_micro >= facts.deposit_due_micro,
    of_entry=True,
)
IN_PERIOD: Final = Guard[Facts](
    "period_closed",
    "The agreement's last day has passed.",
    "협약 기간이 이미 끝났습니다.",
    lambda facts: facts.today is not None and facts.ends_on is not None and facts.today <= facts.ends_on,
)
WITHOUT_AGREEMENT: Final = Guard[Facts](
    "agreement_rules",
    "This voucher's period is its agreement's: amend that.",
    "협약이 있는 바우처입니다. 협약 변경승인으로 기간을 바꿔 주세요.",
    lambda facts: facts.agreement_state is None,
)
ENDS_LATER: Final = Guard[Facts](
    "not_later",
    "The new last day must be later, and within the programme.",
    "새 종료일은 기존 종료일보다 늦고 사업 기간 안이어야 합니다.",
    lambda facts: (
        None not in (facts.ends_on, facts.new_ends_on, facts.programme_ends_on)
        and facts.ends_on < facts.new_ends_on <= facts.programme_ends_on  # type: ignore[operator]
    ),
    of_entry=True,
)
CLAIM_WITHIN_SPENT: Final = Guard[Facts](
    "above_spent",
    "No more is taken back than was spent.",
    "환수 금액이 집행액을 넘습니다.",
    lambda facts: facts.claimed_micro <= facts.spent_micro,
    of_entry=True,
)
OWN_ENOUGH: Final = Guard[Facts](
    "own_money_short",
    "There is less own money than that.",
    "자체 부담금 잔액이 부족합니다.",
    lambda facts: 0 < facts.paid_in_micro <= facts.own_micro,
    of_entry=True,
)
NOT_SETTLING: Final = Guard[Facts](
    "settlement_begun",
    "The settlement has begun: what was spent is disallowed by a finding.",
    "정산이 시작된 바우처입니다. 불인정 지적으로 환수해 주세요.",
    lambda facts: not facts.has_settlement,
)

NO_OWN_FUND: Final = Guard[Facts](
    "own_fund",
    "This is the company's own money that calls may spend: its company alone changes that.",
    "호출에 사용되는 자체 부담금입니다. 해당 기업만 변경할 수 있습니다.",
    lambda facts: not facts.is_own_fund,
)

_ALIVE: Final = ("active", "suspended")

TABLE: Final = Table[Facts](
    "voucher",
    "바우처",
    {
        "active": "사용 가능",
        "suspended": "일시정지",
        "expired": "만료",
        "ended": "해지",
        "clawed_back": "환수",
    },
    (
        Step("issue", (), "active", (OPERATOR,), (AGREEMENT_SIGNED, IN_PERIOD, ONE_VOUCHER, DEPOSIT_PAID)),
        Step("deposit", _ALIVE, None, (OPERATOR,), (NO_OWN_FUND,)),
        Step("pay_in", _ALIVE, None, (OPERATOR, OWN_COMPANY), (NO_OWN_FUND, OWN_ENOUGH)),
        Step("withdraw", _ALIVE, None, ()),
        Step("suspend", ("active",), "suspended", (OPERATOR,), (NO_OWN_FUND,), needs_reason=True),
        Step("resume", ("suspended",), "active", (OPERATOR,), (NO_OWN_FUND,), needs_reason=True),
        Step(
            "extend",
            _ALIVE,
            None,
            (OPERATOR,),
            (NO_OWN_FUND, WITHOUT_AGREEMENT, ENDS_LATER),
            needs_reason=True,
        ),
        Step("end", _ALIVE, "ended", (OPERATOR,), (NO_OWN_FUND,), needs_reason=True),
        Step(
            "claw_back",
            (*_ALIVE, "expired", "ended"),
            "clawed_back",
            (OPERATOR,),
            (NO_OWN_FUND, NOT_SETTLING, CLAIM_WITHIN_SPENT),
            needs_reason=True,
        ),
        Step("expire", _ALIVE, "expired", ()),
    ),
)


def state_at(*, stored: str, ending: str | None, ends_ms: int, now_ms: int) -> str:
    """`stored` is the directory's word, `ending` what a person made of it for good."""
    if ending is not None:
        return ending
    return "expired" if now_ms >= ends_ms else stored
