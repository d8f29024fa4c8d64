"""The words of the statutory sheets, in both languages. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from billing.statements.words import Language

_BOTH: Final[Mapping[str, tuple[str, str]]] = {
    "report": ("보조사업 정산보고서 (별지 제2호)", "Settlement report (form 2)"),
    "summary": ("보조비목·보조세목별 총괄명세서 (별지 제3호)", "Summary by cost item (form 3)"),
    "daily": ("일자별 집행명세서 (별지 제4호)", "Spending by day (form 4)"),
    "registration": ("집행등록 내역", "Spending, as the subsidy system takes it"),
    "programme": ("사업 정산 총괄표", "Settlement of the programme"),
    "rows": ("내역", "Lines"),
    "invoices": ("세금계산서 기재 사항", "For the tax invoice"),
    "conditions": ("작성 기준", "Conditions"),
    "caption": ("(단위: 원)", "(in won)"),
    "page": ("쪽", "page"),
    "fact.programme": ("사업명", "Programme"),
    "fact.id": ("사업 번호", "Number"),
    "fact.number": ("정산 번호", "Settlement"),
    "fact.company": ("보조사업자", "Company"),
    "fact.brn": ("사업자등록번호", "Business number"),
    "fact.agreement": ("협약 번호", "Agreement"),
    "fact.agreement_period": ("협약 기간", "Period"),
    "fact.voucher": ("바우처 번호", "Voucher"),
    "fact.voucher_period": ("바우처 기간", "Period"),
    "fact.state": ("정산 상태", "State"),
    "what": ("구분", "What"),
    "national": ("보조금(국비)", "Grant (national)"),
    "local": ("지방자치단체부담금", "Local government"),
    "self": ("자기부담금", "Self share"),
    "total": ("계", "Total"),
    "sum": ("합계", "Total"),
    "granted": ("교부·확정액", "Granted, fixed"),
    "spent": ("집행액", "Spent"),
    "left": ("집행잔액", "Left"),
    "interest": ("이자", "Interest"),
    "back": ("반납액", "To return"),
    "cost_item": ("보조비목", "Cost item"),
    "cost_detail": ("보조세목", "Cost detail"),
    "budget": ("예산액(A)", "Budget (A)"),
    "spent_b": ("집행액(B)", "Spent (B)"),
    "left_ab": ("잔액(A-B)", "Left (A-B)"),
    "rate": ("집행률(%)", "Spent (%)"),
    "no": ("No", "No"),
    "day": ("집행일자", "Day"),
    "payee": ("지급처", "Paid to"),
    "amount": ("집행금액", "Amount"),
    "purpose": ("사용목적", "Purpose"),
    "payment_method": ("지급방식", "Method"),
    "exact": ("원 미만 포함 금액", "Exact amount"),
    "evidence": ("증빙유형", "Evidence"),
    "evidence.invoice": ("전자세금계산서", "Tax invoice"),
    "execution_purpose": ("집행목적", "Purpose"),
    "counterparty": ("거래처", "Counterparty"),
    "counterparty_brn": ("거래처 등록번호", "Its number"),
    "account": ("입금계좌", "Account"),
    "account.missing": ("공급기업 확인", "ask the provider"),
    "supply": ("공급가액", "Supply value"),
    "vat": ("부가세", "VAT"),
    "invoice_total": ("합계금액", "Sum"),
    "supplier": ("공급자", "Supplier"),
    "supplier_brn": ("공급자 등록번호", "Supplier's number"),
    "buyer": ("공급받는자", "Buyer"),
    "buyer_brn": ("공급받는자 등록번호", "Buyer's number"),
    "written_on": ("작성일자", "Date"),
    "item": ("품목", "Item"),
    "brn_missing": ("등록번호 확인 필요", "number missing"),
    "unset": ("(미설정)", "(not set)"),
    "method.default": ("사후 정산 (공급기업 지급)", "paid to the provider afterwards"),
    "purpose.default": ("초거대 AI API 이용료 ({product})", "use of a model's API ({product})"),
    "month": ("이용 월", "Month"),
    "granted_by": ("협약·바우처", "Agreement, voucher"),
    "company": ("수요기업", "Company"),
    "state": ("정산 상태", "Settlement"),
    "state.none": ("정산 전", "not begun"),
    "returned": ("반납액", "Returned"),
    "unreturned": ("미반납 잔액", "Not returned"),
    "clawed_back": ("환수 결정액", "Clawed back"),
    "never_granted": ("미교부 예산", "Never granted"),
    "all_budget": ("사업 예산", "The programme's budget"),
    "note.fractions": (
        "집행액 합계에서 버린 원 미만 단수는 {rest}원입니다. 정확한 금액은 CSV와 XLSX 파일에 있습니다.",
        "Of all that was spent, {rest} won are cut off. The exact amounts are in the CSV and XLSX files.",
    ),
    "note.disallowed": (
        "불인정으로 환수가 결정된 금액 {amount}원은 반납액에 포함되어 있지 않습니다.",
        "{amount} won that were disallowed and clawed back are not in what is returned.",
    ),
    "note.in_kind": (
        "현물 자기부담금 {amount}원은 기록 사항이며 위 금액에 포함되어 있지 않습니다.",
        "A self share in kind of {amount} won is recorded only and not in the amounts above.",
    ),
    "note.cost_item": (
        "보조비목이 설정되지 않았습니다. 정산 규칙에서 설정해 주세요.",
        "No cost item is set: add a rule of the end.",
    ),
    "note.one_budget": (
        "교부 금액은 비목별로 나뉘어 있지 않습니다. 예산액은 기본 비목에 전액 표시합니다.",
        "The amount granted is not divided by cost item: all of it stands at the general one.",
    ),
    "note.identity": (
        "예산 {budget} = 집행 {spent} + 반납 {returned} + 잔액 {left}",
        "budget {budget} = spent {spent} + returned {returned} + left {left}",
    ),
    "note.interest": (
        "이자 반납 {interest}원과 환수 결정액 {claimed}원은 예산 밖의 금액입니다.",
        "Interest of {interest} won and {claimed} won clawed back are beside the budget.",
    ),
}


def words_in(language: Language) -> dict[str, str]:
    place = 0 if language == "ko" else 1
    return {name: said[place] for name, said in _BOTH.items()}
