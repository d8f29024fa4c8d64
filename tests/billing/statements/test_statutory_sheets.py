"""The statutory sheets of a settlement: read back from CSV, XLSX and PDF, their totals are the ledger's."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.settlements.cutting import cut_off
from billing.settlements.figures import Account, Figures, Party, ProgrammeEnd, Share, Spent
from billing.settlements.programme_sheet import programme_sheet
from billing.settlements.rules import Rule, rules_on
from billing.settlements.sheets import FORMS, Form, sheet_of
from billing.settlements.words import words_in
from billing.statements.as_csv import as_csv
from billing.statements.as_pdf import as_pdf
from billing.statements.as_xlsx import as_xlsx
from billing.statements.words import Language

WON = 1_000_000
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LANGUAGES: tuple[Language, ...] = ("ko", "en")
DAYS = (
    Spent(date(2026, 9, 1), "nuri", "nuri-x1", 1_260_000 * WON, 540_000 * WON),
    Spent(date(2026, 9, 1), "other", "other-large", 161_250, 53_750),
    Spent(date(2026, 9, 30), "nuri", "nuri-x2", 12_400_000 * WON + 700_000, 3_100_000 * WON + 400_000),
    Spent(date(2026, 10, 2), "nuri", "nuri-x1", -70_000_001, -30_000_000),  # a correction
    Spent(date(2026, 10, 31), "other", "other-large", 700_490_000, 300_210_000),
)
RULES = (
    Rule("cost_item", date(2026, 1, 1), None, "운영비", "e나라도움 비목"),
    Rule("cost_detail", date(2026, 1, 1), None, "지급수수료", "e나라도움 비목"),
    Rule("cost_item", date(2026, 1, 1), None, "연구활동비", "사업 지침", "ai-2026", "other-large"),
)


def sums(*names: str) -> list[int]:
    return [sum(getattr(day, name) for day in DAYS) for name in names]


GOVERNMENT, OWN = sums("government_micro", "self_micro")
FIGURES = Figures(14_000_000 * WON, 4_000_000 * WON, GOVERNMENT, OWN, 0, 0, 0, 0)
ACCOUNT = Account(
    settlement={"id": "se-000001", "agreement_id": "ag-000001", "state": "reported"},
    programme="초거대 AI API 활용 지원",
    company=Party("가온데이터", "1111111119"),
    starts_on=date(2026, 4, 1),
    ends_on=date(2026, 10, 31),
    in_kind_micro=500_000 * WON,
    figures=FIGURES,
    interest_micro=1_234 * WON,
    days=DAYS,
    providers={"nuri": Party("누리모델", "1118111112"), "other": Party("=다른모델", None)},
    rules=rules_on(date(2026, 10, 31), "ai-2026", RULES),
)
# The ledger's own words of what was spent, in whole won: cut off once.
SPENT_WON = (GOVERNMENT + OWN) // WON
GOVERNMENT_WON = GOVERNMENT // WON


def micro(text: str) -> int:
    whole, _, rest = text.replace(",", "").replace("△", "-").partition(".")
    return abs(int(whole)) * WON * (-1 if "-" in whole else 1) + int(rest.ljust(6, "0")) * (
        -1 if "-" in whole else 1
    )


def csv_rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def xlsx_rows(data: bytes) -> list[dict[str, Any]]:
    head, *rows = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def paper(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def last_figures(text: str, name: str) -> list[int]:
    """The amounts of the line that begins with this word."""
    [line] = [line for line in text.splitlines() if re.match(rf"{re.escape(name)} ", line)][:1]
    found = re.findall(r"(?<![\d.])[△-]?[0-9][0-9,]*(?![\d.%])", line)
    return [micro(one) // WON for one in found]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("form", "column", "closing"),
    [("summary", "spent_b", "sum"), ("daily", "amount", "sum"), ("registration", "supply", "sum")],
)
def test_what_was_spent_is_the_ledger_s_in_every_file(
    form: Form, column: str, closing: str, language: Language
) -> None:
    words = words_in(language)
    sheet = sheet_of(ACCOUNT, form, language)
    in_csv, in_xlsx = csv_rows(as_csv(sheet)), xlsx_rows(as_xlsx(sheet, made_at=NOW))
    title = words[column]
    assert sum(int(row[title]) for row in in_csv[:-1]) == SPENT_WON
    assert sum(int(row[title]) for row in in_xlsx[:-1]) == SPENT_WON
    assert int(in_csv[-1][title]) == in_xlsx[-1][title] == SPENT_WON
    exact = sum(micro(row[words["exact"]]) for row in in_csv[:-1])
    assert exact == GOVERNMENT + OWN == micro(in_csv[-1][words["exact"]])
    assert SPENT_WON in last_figures(paper(as_pdf(sheet)), words[closing])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_says_what_is_to_be_returned(language: Language) -> None:
    """반납액 = 집행잔액 + 발생이자, of each source and of all."""
    words, sheet = words_in(language), sheet_of(ACCOUNT, "report", language)
    rows = {row[words["what"]]: row for row in csv_rows(as_csv(sheet))}
    names = ("national", "local", "self", "total")
    won = {what: [int(row[words[name]]) for name in names] for what, row in rows.items()}
    assert won[words["granted"]] == [14_000_000, 0, 4_000_000, 18_000_000]
    assert won[words["spent"]] == [GOVERNMENT_WON, 0, SPENT_WON - GOVERNMENT_WON, SPENT_WON]
    left = [a - b for a, b in zip(won[words["granted"]], won[words["spent"]], strict=True)]
    assert won[words["left"]] == left
    assert won[words["back"]] == [a + b for a, b in zip(left, won[words["interest"]], strict=True)]
    assert won[words["back"]][0] == 14_000_000 - GOVERNMENT_WON + 1_234
    exact = words["exact"]
    assert micro(rows[words["back"]][f"{words['national']} ({exact})"]) == (
        14_000_000 * WON - GOVERNMENT + 1_234 * WON
    )
    in_xlsx = {row[words["what"]]: row for row in xlsx_rows(as_xlsx(sheet, made_at=NOW))}
    text = paper(as_pdf(sheet))
    for what, amounts in won.items():
        assert [in_xlsx[what][words[name]] for name in names] == amounts
        assert last_figures(text, what) == amounts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_a_sheet_without_an_agreement_names_the_voucher(form: Form, language: Language) -> None:
    row = ACCOUNT.settlement | {"agreement_id": None, "voucher_id": "gaonde-declared"}
    words = words_in(language)
    sheet = sheet_of(replace(ACCOUNT, settlement=row, in_kind_micro=0), form, language)
    facts = dict(sheet.facts)
    assert facts[words["fact.voucher"]] == "gaonde-declared"
    assert (
        facts[words["fact.voucher_period"]]
        == dict(sheet_of(ACCOUNT, form, language).facts)[words["fact.agreement_period"]]
    )
    said = paper(as_pdf(sheet)).replace("gaonde-declared", "")
    assert "None" not in said
    assert not re.search("협약|greement", said)


def test_what_is_below_zero_has_the_mark_of_statutory_sheets() -> None:
    sheet = sheet_of(ACCOUNT, "daily", "ko")
    assert "△100" in paper(as_pdf(sheet)).replace(" ", "")
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(sheet, made_at=NOW)))
    formats = {cell.number_format for row in book.worksheets[0].iter_rows() for cell in row}
    assert '#,##0;"△"#,##0' in formats
    amounts = [row["집행금액"] for row in csv_rows(as_csv(sheet))]
    assert amounts == ["1800000", "0", "15500001", "-100", "1001", str(SPENT_WON)]  # for programs


ROWS = st.lists(st.tuples(st.integers(-(10**13), 10**15), st.integers(-(10**13), 10**15)), max_size=40)


@given(ROWS)
def test_whole_won_of_rows_are_those_of_their_sum(rows: list[tuple[int, int]]) -> None:
    """However they are cut, the rows sum to what the sum is cut to, and none is a won away."""
    spent = [Spent(date(2026, 9, 1), "nuri", "nuri-x1", *row) for row in rows]
    cuts = list(cut_off(spent))
    government, own = (sum(row[place] for row in rows) for place in (0, 1))
    assert sum(cut.government_won for cut in cuts) == government // WON
    assert sum(cut.won for cut in cuts) == (government + own) // WON
    for cut in cuts:
        assert abs(cut.won * WON - cut.micro) < WON
        assert abs(cut.government_won * WON - cut.spent.government_micro) < WON


def test_products_of_another_cost_item_stand_apart() -> None:
    sheet = sheet_of(ACCOUNT, "summary", "ko")
    assert words_in("ko")["note.one_budget"] in sheet.notes  # why the other one has no budget
    rows = csv_rows(as_csv(sheet))
    items = {row["보조비목"]: row for row in rows}
    assert set(items) == {"운영비", "연구활동비", "합계"}
    assert int(items["운영비"]["예산액(A)"]) == 18_000_000
    for row in rows:
        assert int(row["예산액(A)"]) - int(row["집행액(B)"]) == int(row["잔액(A-B)"])
    assert items["합계"]["집행률(%)"] == f"{SPENT_WON * 1000 // 18_000_000 / 10}"
    unset = sheet_of(replace(ACCOUNT, rules=rules_on(date(2026, 1, 1), "x", [])), "summary", "ko")
    assert "보조비목이 설정되지 않았습니다. 정산 규칙에서 설정해 주세요." in unset.notes
    assert words_in("ko")["note.one_budget"] not in unset.notes


def test_tax_invoices_of_a_month_sum_to_what_was_spent() -> None:
    sheet = sheet_of(ACCOUNT, "registration", "ko")
    place = [column.name for column in sheet.invoices.columns].index("supply")
    assert sum(int(row[place]) for row in sheet.invoices.rows) == SPENT_WON
    for row in sheet.invoices.rows:
        supply, vat, total = (int(one) for one in row[place:])
        assert total == supply + vat
    assert "등록번호 확인 필요" in {row[2] for row in sheet.invoices.rows}
    assert {row[4] for row in sheet.invoices.rows} == {"111-11-11119"}


def test_a_programme_s_budget_is_spent_returned_or_left() -> None:
    other = Figures(1_000_000 * WON, 0, 250_000 * WON + 1, 0, 750_000 * WON - 1, 0, 77 * WON, 5 * WON)
    end = ProgrammeEnd(
        "ai-2026",
        "초거대 AI API 활용 지원",
        20_000_000 * WON,
        (
            Share("se-000001", "ag-000001", "vo-000001", "가온데이터", "reported", FIGURES),
            Share(None, None, "hanbit-declared", "한빛", None, other),
        ),
    )
    assert end.budget_micro == end.spent_micro + end.returned_micro + end.left_micro
    rows = csv_rows(as_csv(programme_sheet(end, "ko")))
    assert [row["협약·바우처"] for row in rows[:2]] == ["ag-000001", "hanbit-declared"]
    total, never, budget = rows[-3:]
    assert micro(total["집행액"]) == GOVERNMENT + 250_000 * WON + 1
    assert micro(total["교부·확정액"]) + micro(never["교부·확정액"]) == micro(budget["교부·확정액"])
    text = paper(as_pdf(programme_sheet(end, "ko")))
    assert "20,000,000.000000" in text
    assert "합계" in text


@pytest.mark.parametrize("form", FORMS)
def test_korean_glyphs_are_embedded(form: Form) -> None:
    reader = pypdf.PdfReader(io.BytesIO(as_pdf(sheet_of(ACCOUNT, form, "ko"))))
    seen = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert seen
    for font in seen:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "NotoSansKR" in descriptor["/FontName"]
        assert descriptor.get("/FontFile3") or descriptor.get("/FontFile2")
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert "가온데이터" in text
    assert "\ufffd" not in text
    assert "(단위: 원)" in text
