"""Titles, columns and sentences of the pages."""

from __future__ import annotations

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "front.intro": (
        "수요기업이 API 키 하나로 여러 공급기업의 AI를 쓰고, 사용액이 바우처에서 차감됩니다.",
        "A company calls the models of many providers with one API key; its voucher pays.",
    ),
    "front.programs": ("프로그램용 주소", "Addresses for programs"),
    "front.data_plane": ("데이터 플레인 (API)", "Data plane (API)"),
    "front.office": ("이 화면 (오피스)", "This page (the office)"),
    "front.own": ("API 키로 조회", "With an API key"),
    "front.no_password": (
        "계정이 없거나 비밀번호를 잊으셨다면 전담기관 담당자에게 일회용 링크를 요청하세요.",
        "No account yet, or the password is lost? Ask the agency's desk for a one-time link.",
    ),
    "nav.home": ("홈", "Home"),
    "nav.todo": ("할 일", "To do"),
    "nav.audit": ("감사 홈", "Audit home"),
    "nav.trace": ("사업 추적", "Trace"),
    "nav.usage": ("이용 내역", "Usage"),
    "nav.calls": ("호출 내역", "Calls"),
    "nav.keys": ("API 키", "API keys"),
    "nav.products": ("API 상품", "Products"),
    "nav.rounds": ("공모", "Rounds"),
    "nav.programmes": ("사업", "Programmes"),
    "nav.applications": ("신청", "Applications"),
    "nav.reviews": ("심사", "Reviews"),
    "nav.agreements": ("협약", "Agreements"),
    "nav.amendments": ("변경 요청", "Amendments"),
    "nav.vouchers": ("바우처", "Vouchers"),
    "home.no_voucher": (
        "아직 바우처가 없습니다. 접수 중인 공모를 확인하세요.",
        "You have no voucher yet. Look at the rounds that are open.",
    ),
    "home.vouchers": ("바우처 잔액", "Vouchers"),
    "home.left": ("남은 금액", "Left"),
    "home.government": ("정부지원금", "Government grant"),
    "home.self": ("자기부담금", "Self share"),
    "home.granted": ("지원·예치", "Granted"),
    "home.spent": ("사용액", "Spent"),
    "home.returned": ("반납", "Returned"),
    "home.until": ("종료일 {day}", "Until {day}"),
    "home.sources": ("재원별 금액", "By source"),
    "home.books": (
        "장부에 반영된 금액입니다. 진행 중인 호출의 사용 예정액은 몇 초 뒤 반영됩니다.",
        "As the books have it. What running calls hold shows some seconds later.",
    ),
    "home.open_rounds": ("접수 중인 공모", "Open rounds"),
    "home.source": ("재원", "Source"),
}

_COLUMNS: Final[dict[str, tuple[str, str]]] = {
    "name": ("이름", "Name"),
    "id": ("번호", "Number"),
    "state": ("상태", "State"),
    "ends_on": ("종료일", "Last day"),
    "starts_on": ("시작일", "First day"),
    "budget_micro": ("예산", "Budget"),
    "granted_micro": ("지원 결정액", "Granted"),
    "spent_government_micro": ("집행액(정부)", "Spent (government)"),
    "returned_micro": ("반납액", "Returned"),
    "programme_name": ("사업", "Programme"),
    "opens_at": ("접수 시작", "Opens"),
    "closes_at": ("접수 마감", "Closes"),
    "cap_micro": ("기업별 한도", "Cap per company"),
    "applications": ("신청 수", "Applications"),
}
TEXTS.update({f"column.{name}": words for name, words in _COLUMNS.items()})
TEXTS["filter.state"] = ("상태", "State")
