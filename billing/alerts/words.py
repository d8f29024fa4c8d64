"""What a mail says of an alert, in Korean or English. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from billing.directory_time import SEOUL
from metering.money import format_krw

_SERVICE: Final = ("AI 바우처 게이트웨이", "AI voucher gateway")
# By kind: subject and first sentence, each in Korean and English; names in braces are values of the alert.
_SAID: Final[Mapping[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    "voucher_balance": (
        ("바우처 {about}: 정부지원금 {percent}% 사용", "Voucher {about}: {percent}% of the grant is spent"),
        (
            "정부지원금 {granted} 중 {spent} 사용했습니다.",
            "Of the grant of {granted}, {spent} are spent.",
        ),
    ),
    "deposit_used_up": (
        ("바우처 {about}: 자기부담 예치금 소진", "Voucher {about}: the deposit is used up"),
        (
            "예치금 {deposited} 모두 사용해 새 호출이 거절됩니다. 예치하면 다시 이용할 수 있습니다.",
            "The deposit of {deposited} is spent, and new calls are refused until more is paid in.",
        ),
    ),
    "programme_balance": (
        ("사업 {about}: 예산 {percent}% 집행", "Programme {about}: {percent}% of the budget is spent"),
        ("예산 {budget} 중 {spent} 집행했습니다.", "Of the budget of {budget}, {spent} are spent."),
    ),
    "agreement_ending": (
        ("협약 {about}: 종료 {days}일 전", "Agreement {about}: ends in {days} days"),
        (
            "{ends_on}에 협약이 끝납니다. 그 뒤에는 바우처를 쓸 수 없고, 남은 금액은 반납됩니다.",
            "Its last day is {ends_on}. After it the voucher cannot be spent, and what is left returns.",
        ),
    ),
    "voucher_ending": (
        ("바우처 {about}: 종료 {days}일 전", "Voucher {about}: ends in {days} days"),
        (
            "{ends_on}까지 쓸 수 있습니다. 그 뒤에 남은 금액은 반납됩니다.",
            "Its last day is {ends_on}. After it the voucher cannot be spent, and what is left returns.",
        ),
    ),
    "key_expiring": (
        ("API 키 {about}: 곧 만료", "API key {about}: expires soon"),
        (
            "{expires_at}에 만료됩니다. 새 키를 만들어 바꿔 주세요.",
            "It expires at {expires_at}. Make a new one.",
        ),
    ),
    "company_suspended": (
        ("수요기업 {about}: 정지", "Company {about}: suspended"),
        (
            "전담기관이 정지해 모든 API 키의 새 호출이 거절됩니다.",
            "The agency suspended it: no API key works.",
        ),
    ),
    "api_key_suspended": (
        ("API 키 {about}: 정지", "API key {about}: suspended"),
        ("전담기관이 정지해 새 호출이 거절됩니다.", "The agency suspended it: its calls are refused."),
    ),
    "voucher_suspended": (
        ("바우처 {about}: 일시정지", "Voucher {about}: suspended"),
        ("해제될 때까지 이 바우처로 쓸 수 없습니다.", "It pays nothing until it is resumed."),
    ),
    "product_suspended": (
        ("API 상품 {about}: 판매 중지", "Product {about}: suspended"),
        ("이 상품의 새 호출이 거절됩니다.", "New calls of it are refused."),
    ),
    "provider_suspended": (
        ("공급기업 상품 정지: {about}", "Suspended with its provider: {about}"),
        ("공급기업이 정지되어 새 호출이 거절됩니다.", "The provider is suspended: new calls are refused."),
    ),
    "product_resumed": (
        ("API 상품 {about}: 판매 재개", "Product {about}: on sale again"),
        ("다시 호출할 수 있습니다.", "It can be called again."),
    ),
    "provider_resumed": (
        ("API 상품 {about}: 공급기업 정지 해제", "Product {about}: its provider is resumed"),
        ("다시 호출할 수 있습니다.", "It can be called again."),
    ),
    "product_withdrawn": (
        ("API 상품 {about}: 판매 종료", "Product {about}: withdrawn"),
        ("더 이상 호출할 수 없습니다.", "It cannot be called any more."),
    ),
    "product_changed": (
        ("API 상품 {about}: 내용 변경", "Product {about}: changed"),
        ("상품 정보가 바뀌었습니다. 상품 화면에서 확인해 주세요.", "Its particulars changed; see its page."),
    ),
    "price_added": (
        ("API 상품 {about}: 단가 변경 예고", "Product {about}: a new price is announced"),
        (
            "새 단가가 등록되었습니다. 적용 시각과 금액은 상품 화면에 있습니다.",
            "Its page has the price and from when.",
        ),
    ),
    "price_withdrawn": (
        ("API 상품 {about}: 단가 변경 철회", "Product {about}: an announced price is withdrawn"),
        ("예고한 단가가 철회되었습니다.", "The price that was announced does not come."),
    ),
    "payout_made": (
        ("정산금 지급: {about}", "Payout made: {about}"),
        ("{amount} 지급했습니다.", "{amount} were paid."),
    ),
    "test": (
        ("시험 알림", "Test message"),
        ("알림이 이 주소로 옵니다.", "Alerts come to this address."),
    ),
}
_REASON: Final = ("사유", "Reason")
_FOOT: Final = (
    "받을 알림은 업무 화면의 알림 설정에서 고를 수 있습니다.",
    "You choose in the office, under alerts, which of these come to you.",
)


@dataclass(frozen=True, slots=True)
class Said:
    subject: str
    body: str


def kinds() -> frozenset[str]:
    return frozenset(_SAID)


def said(row: Mapping[str, Any]) -> Said:
    """Of an alert with its kind, about, detail, at and language."""
    place = 0 if row["language"] == "ko" else 1
    subject, first = (pair[place] for pair in _SAID[row["kind"]])
    values = {"about": row["about"], **_values(row["detail"], place)}
    lines = [first.format_map(_Known(values))]
    reason = row["detail"].get("reason")
    if isinstance(reason, str):
        lines.append(f"{_REASON[place]}: {reason}")
    lines += ["", _time(row["at"], place), "", "-- ", _SERVICE[place], _FOOT[place]]
    return Said(f"[{_SERVICE[place]}] {subject.format_map(_Known(values))}", "\n".join(lines) + "\n")


class _Known(dict[str, Any]):
    """An alert of an earlier version may lack a value: the sentence is told without it."""

    def __missing__(self, name: str) -> str:
        return "-"


def _values(detail: Mapping[str, Any], place: int) -> dict[str, str]:
    found = {}
    for name, value in detail.items():
        if name.endswith("_micro") and type(value) is int:
            won = f"{int(format_krw(value).partition('.')[0]):,}"
            found[name.removesuffix("_micro")] = f"{won}원" if place == 0 else f"₩{won}"
        elif name.endswith("_at") and isinstance(value, str):
            found[name] = _time(datetime.fromisoformat(value), place)
        elif isinstance(value, str | int):
            found[name] = str(value)
    return found


def _time(at: datetime, place: int) -> str:
    return f"{at.astimezone(SEOUL):%Y-%m-%d %H:%M} {('한국 시간', 'KST')[place]}"
