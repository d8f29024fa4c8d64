"""What the pages of statements and of reconciliations say."""

from __future__ import annotations

from typing import Final

_STATEMENTS: Final[dict[str, tuple[str, str]]] = {
    "statement.list": ("{name} 정산서", "Statements of {name}"),
    "statement.title": ("{name} {month} 정산서", "Statement of {name}, {month}"),
    "statement.provisional": (
        "마감 전인 달의 금액은 잠정이며 마감할 때까지 바뀔 수 있습니다.",
        "The amounts of a month that is not closed are provisional and may change.",
    ),
    "statement.calls": ("호출 수", "Calls"),
    "statement.government": ("정부지원금", "Government"),
    "statement.deposit": ("자기부담금", "Self share"),
    "statement.own": ("자체 부담금", "Own money"),
    "statement.uncollected": ("미수", "Uncollected"),
    "statement.supply": ("공급가액", "Supply value"),
    "statement.vat": ("부가세", "VAT"),
    "statement.total": ("합계 금액", "Total"),
    "statement.download": ("{form} 내려받기", "Download {form}"),
    "statement.lines": ("상품별 내역", "By product"),
    "statement.kind": ("구분", "Kind"),
    "statement.kind.usage": ("이용", "Usage"),
    "statement.kind.late": ("지난달 이용", "Late usage"),
    "statement.kind.correction": ("보정", "Correction"),
    "statement.kind.rest": ("이월 단수", "Rest carried in"),
    "statement.rest": ("단수", "Rest"),
    "statement.exact": ("장부 금액과 단수", "The books' amounts and the rest"),
    "statement.row.booked": ("장부에 반영된 금액", "Booked"),
    "statement.row.exact": ("이월 단수를 더한 금액", "With the rest carried in"),
    "statement.row.won": ("원 단위 금액", "In whole won"),
    "statement.row.rest": ("다음 달로 이월", "Carried on"),
    "statement.tax_invoices": ("세금계산서 항목", "Tax invoices"),
    "statement.supplier": ("공급자", "Supplier"),
    "statement.buyer": ("공급받는 자", "Buyer"),
    "statement.written_on": ("작성일", "Written on"),
    "statement.no_brn": ("사업자등록번호 미등록", "no business number"),
    "statement.of.company": ("수요기업별 정산서", "Statements of companies"),
    "statement.of.provider": ("공급기업별 정산서", "Statements of providers"),
    "statement.of.programme": ("사업별 정산서", "Statements of programmes"),
    "state.statement.provisional": ("잠정", "Provisional"),
    "state.statement.final": ("확정", "Final"),
    "list.won": ("(단위: 원, 원 미만 절사)", "(whole won)"),
}
_MATCHING: Final[dict[str, tuple[str, str]]] = {
    "state.match.matched": ("일치", "Matched"),
    "state.match.differs": ("차이", "Differs"),
    "state.match.only_theirs": ("공급기업만", "Only theirs"),
    "state.match.only_ours": ("장부만", "Only ours"),
    "reasons.input_tokens": ("입력 토큰이 다름", "input tokens differ"),
    "reasons.cached_input_tokens": ("캐시 입력 토큰이 다름", "cached input tokens differ"),
    "reasons.output_tokens": ("출력 토큰이 다름", "output tokens differ"),
    "reasons.amount": ("금액이 다름", "the amount differs"),
    "reasons.request_id_repeated": ("같은 요청 번호가 여러 번 있음", "the request is there more than once"),
    "reasons.not_in_the_books": ("장부에 없음", "not in the books"),
    "reasons.not_in_the_statement": ("공급기업 명세에 없음", "not in the statement"),
    "reasons.no_request_id": ("공급기업 요청 번호가 없음", "without the provider's request"),
    "reconciliation.title": ("{month} 대사 {id}", "Reconciliation {id}, {month}"),
    "reconciliation.result": ("대사 결과", "Result"),
    "reconciliation.match": ("구분", "Match"),
    "reconciliation.count": ("건수", "Calls"),
    "reconciliation.theirs": ("공급기업 금액", "Theirs"),
    "reconciliation.ours": ("장부 금액", "Ours"),
    "reconciliation.difference": ("차액", "Difference"),
    "reconciliation.lines": ("일치하지 않는 호출", "What does not match"),
    "reconciliation.amounts": (
        "명세에 금액이 없는 호출은 공급기업 금액에 더하지 않습니다.",
        "Where the statement says no amount, none is added to theirs.",
    ),
    "reconciliation.lead": (
        "공급기업이 보낸 이용 명세를 올리면 장부의 호출과 요청 번호로 맞춰 봅니다. 장부는 바뀌지 않습니다."
        " 2만 행이 넘는 파일은 작업으로 처리되며, 진행 상태를 볼 수 있습니다.",
        "A provider's usage statement is matched with the books' calls by request. The books do not change."
        " A file of more than 20,000 rows is matched as a job, whose progress you can see.",
    ),
    "help.statement_file": (
        "CSV 또는 JSONL. 열: request_id, input_tokens, cached_input_tokens, output_tokens, amount_krw",
        "CSV or JSONL. Columns: request_id, input_tokens, cached_input_tokens, output_tokens, amount_krw",
    ),
    "error.file_form": ("CSV 또는 JSONL 파일을 선택해 주세요.", "Choose a CSV or a JSONL file."),
    "error.file_text": (
        "파일을 읽을 수 없습니다. UTF-8로 저장한 텍스트 파일을 올려 주세요.",
        "The file cannot be read: save it as text in UTF-8.",
    ),
    "job.result": ("결과 보기", "See what it made"),
    "do.reconciliation.make": ("이용 명세 올리기", "Upload a usage statement"),
    "cause.price": ("단가 정정", "A wrong price"),
    "cause.reconciliation": ("대사 결과", "A reconciliation"),
    "correction.calls": ("보정할 호출", "Calls"),
}
TEXTS: Final[dict[str, tuple[str, str]]] = {**_STATEMENTS, **_MATCHING}
