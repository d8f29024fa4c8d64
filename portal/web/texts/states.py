"""States and steps of the lifecycle. A state's Korean word is its table's; here is where it has none."""

from __future__ import annotations

from typing import Final

_ENGLISH: Final = {
    "programme": {"draft": "Draft", "open": "Open", "closed": "Closed"},
    "round": {"draft": "Draft", "announced": "Announced", "selected": "Decided", "cancelled": "Cancelled"},
    "application": {
        "draft": "Draft",
        "submitted": "Submitted",
        "screened": "Screened",
        "scored": "Scored",
        "selected": "Selected",
        "rejected": "Not selected",
        "withdrawn": "Withdrawn",
    },
    "agreement": {
        "offered": "Pending",
        "signed": "In force",
        "declined": "Declined",
        "revoked": "Revoked",
        "terminated": "Cancelled",
        "completed": "Ended",
    },
    "amendment": {
        "requested": "Asked for",
        "approved": "Approved",
        "refused": "Refused",
        "withdrawn": "Withdrawn",
    },
    "voucher": {
        "active": "Active",
        "suspended": "Suspended",
        "expired": "Expired",
        "ended": "Ended",
        "clawed_back": "Recalled",
    },
}

TEXTS: Final[dict[str, tuple[str, str]]] = {
    # The Korean of these is never read: it is the state table's.
    **{
        f"state.{thing}.{state}": (state, word)
        for thing, states in _ENGLISH.items()
        for state, word in states.items()
    },
    "state.call.settled": ("차감 완료", "Settled"),
    "state.call.released": ("홀드 해제", "Released"),
    "state.key.active": ("사용 중", "Active"),
    "state.key.expired": ("만료", "Expired"),
    "state.key.revoked": ("폐기", "Revoked"),
    "do.programme.make": ("사업 만들기", "New programme"),
    "do.programme.open": ("사업 개시", "Open the programme"),
    "do.programme.close": ("사업 종료", "Close the programme"),
    "do.programme.change_share": ("지원 비율 변경", "Change a share"),
    "do.round.make": ("회차 만들기", "New round"),
    "do.round.announce": ("공고하기", "Announce"),
    "do.round.extend": ("마감 연장", "Extend the deadline"),
    "do.round.select": ("선정 확정", "Decide the selection"),
    "do.round.cancel": ("회차 취소", "Cancel the round"),
    "do.application.make": ("신청서 작성", "Apply"),
    "do.application.change": ("신청서 수정", "Change the application"),
    "do.application.submit": ("제출하기", "Submit"),
    "do.application.withdraw": ("신청 철회", "Withdraw"),
    "do.application.reopen": ("다시 작성", "Open it again"),
    "do.application.screen": ("적격 처리", "Screen as eligible"),
    "do.application.evaluate": ("점수 입력", "Enter scores"),
    "do.application.score": ("평가 완료", "Finish scoring"),
    "do.application.reject": ("탈락 처리", "Reject"),
    "do.application.cancel": ("회차 취소로 탈락", "Rejected with the round"),
    "do.application.release": ("협약 무산", "Agreement came to nothing"),
    "do.application.select": ("선정", "Selected"),
    "do.agreement.make": ("협약 제시", "Offer an agreement"),
    "do.agreement.sign": ("협약 체결", "Sign the agreement"),
    "do.agreement.decline": ("협약 거절", "Decline"),
    "do.agreement.revoke": ("협약 제시 철회", "Revoke the offer"),
    "do.agreement.terminate": ("협약 해약", "Cancel the agreement"),
    "do.agreement.complete": ("협약 종료", "Complete the agreement"),
    "do.amendment.make": ("변경승인 요청", "Ask for an amendment"),
    "do.amendment.approve": ("변경 승인", "Approve the amendment"),
    "do.amendment.refuse": ("변경 반려", "Refuse the amendment"),
    "do.amendment.withdraw": ("요청 철회", "Withdraw the request"),
    "do.voucher.issue": ("바우처 발급", "Issue the voucher"),
    "do.voucher.make": ("바우처 등록", "Declared"),
    "do.voucher.change": ("바우처 변경", "Changed"),
    "do.voucher.deposit": ("예치 등록", "Record a deposit"),
    "do.voucher.suspend": ("일시정지", "Suspend"),
    "do.voucher.resume": ("정지 해제", "Resume"),
    "do.voucher.extend": ("기간 연장", "Extend"),
    "do.voucher.end": ("바우처 해지", "End the voucher"),
    "do.voucher.claw_back": ("환수", "Claw back"),
    "do.voucher.expire": ("만료", "Expired"),
    "do.programme.change": ("사업 변경", "Changed"),
    "do.round.change": ("회차 변경", "Changed"),
    "do.application.document": ("서류", "Document"),
    "do.key.make": ("새 키 만들기", "New key"),
    "do.key.revoke": ("키 폐기", "Revoke the key"),
}
