"""What a call's page says."""

from __future__ import annotations

from typing import Final

# Why a call ended, as docs/concepts/metering.md has it.
_ENDS: Final[dict[str, tuple[str, str]]] = {
    "completed": ("정상 완료", "Completed"),
    "client_gone": ("호출한 쪽에서 연결을 끊음", "The client left"),
    "upstream_error": ("공급기업 오류", "The provider failed"),
    "upstream_timeout": ("공급기업 응답 시간 초과", "The provider took too long"),
    "voucher_exhausted": ("바우처 한도 도달", "The voucher was used up"),
    "gateway_lost": ("게이트웨이 중단", "The gateway stopped"),
    "session_ended": ("세션 종료", "The session was ended"),
    "refused": ("호출 거절", "Refused"),
    "reported": ("공급기업 보고", "Reported by the provider"),
}
TEXTS: Final[dict[str, tuple[str, str]]] = {
    **{f"end_reason.{code}": said for code, said in _ENDS.items()},
    "call.title": ("호출 상세", "Call"),
    "call.entry": ("전표", "Entry"),
    "call.uncharged": ("차감 없음, 전표 없음", "Nothing charged, no entry"),
    "call.unchanged": ("금액 변동 없음, 전표 없음", "Charge unchanged, no entry"),
    "call.part": ("이 호출의 금액: {charge}", "This call's part: {charge}"),
    "call.legs": ("분개 행", "Postings"),
    "call.account": ("계정", "Account"),
    "call.amount": ("금액", "Amount"),
}
