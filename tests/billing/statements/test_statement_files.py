"""CSV, XLSX and PDF of one statement: read back, they say what the ledger says, whoever named themselves."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pypdf
import pytest

from billing.statements.amounts import NOTHING, Amounts
from billing.statements.as_csv import as_csv
from billing.statements.as_pdf import ROWS_MAX, TooLong, as_pdf
from billing.statements.as_xlsx import as_xlsx
from billing.statements.lines import LedgerSum
from billing.statements.sheet import Sheet, sheet_of
from billing.statements.statement import Statement, SubjectKind
from billing.statements.words import WORDS, Language
from tests.billing.statements.sheets import CARRIED, GAONDE, OCTOBER, SUMS, made

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SUBJECTS: list[tuple[SubjectKind, str]] = [
    ("company", "gaonde"),
    ("provider", "nuri"),
    ("programme", "ai-2026"),
]
LANGUAGES: list[Language] = ["ko", "en"]


def ledger_of(statement: Statement) -> Amounts:
    """Asked of the sums as they came from the books, not of the lines."""
    return sum(
        (
            one.exact_micro
            for one in SUMS
            if getattr(one.account, f"{statement.subject.kind}_id") == statement.subject.id
        ),
        sum(CARRIED.values(), NOTHING),
    )


def micro(text: str) -> int:
    won, _, rest = text.replace(",", "").partition(".")
    sign = -1 if won.startswith("-") else 1
    return sign * (abs(int(won)) * 1_000_000 + int(rest.ljust(6, "0")))


def csv_rows(data: bytes) -> list[dict[str, str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def xlsx_rows(data: bytes) -> list[dict[str, Any]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    head, *rows = book.worksheets[0].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


@pytest.fixture(params=[(kind, name, language) for kind, name in SUBJECTS for language in LANGUAGES])
def sheet(request: pytest.FixtureRequest) -> tuple[Statement, Sheet]:
    kind, name, language = request.param
    statement = made(kind, name)
    return statement, sheet_of(statement, language)


def test_totals_read_back_from_csv_and_xlsx_are_the_ledger_s(sheet: tuple[Statement, Sheet]) -> None:
    statement, of = sheet
    words, wanted = WORDS[of.language], ledger_of(statement)
    exact = {
        words[f"exact_{name}"]: getattr(wanted, name) for name in ("charge", "government", "deposit", "own")
    }
    in_csv, in_xlsx = csv_rows(as_csv(of)), xlsx_rows(as_xlsx(of, made_at=NOW))
    assert len(in_csv) == len(in_xlsx) == len(statement.lines) + 2
    for title, micro_wanted in exact.items():
        assert sum(micro(row[title]) for row in in_csv[:-2]) == micro_wanted
        assert micro(in_csv[-2][title]) == micro_wanted
        assert sum(round(row[title] * 1_000_000) for row in in_xlsx[:-2]) == micro_wanted
        assert round(in_xlsx[-2][title] * 1_000_000) == micro_wanted
    # Whole won and the rest carried on are the ledger again, and lines add up across and down.
    for name in ("supply", "government", "deposit", "own", "vat", "total", "calls"):
        title = words[name]
        assert sum(int(row[title]) for row in in_csv[:-2]) == int(in_csv[-2][title]) == in_xlsx[-2][title]
    for row in in_csv[:-1]:
        parts = [int(row[words[name]]) for name in ("government", "deposit", "own")]
        assert sum(parts) == int(row[words["supply"]])
        assert int(row[words["supply"]]) + int(row[words["vat"]]) == int(row[words["total"]])
    billed = sum(int(in_csv[-2][words[name]]) for name in ("supply", "uncollected"))
    assert billed * 1_000_000 + micro(in_csv[-1][words["exact_charge"]]) == wanted.charge


def pages(data: bytes) -> Iterator[str]:
    for page in pypdf.PdfReader(io.BytesIO(data)).pages:
        yield page.extract_text()


def test_totals_read_back_from_the_pdf_are_the_ledger_s(sheet: tuple[Statement, Sheet]) -> None:
    statement, of = sheet
    text = "\n".join(pages(as_pdf(of)))
    words, wanted = WORDS[of.language], ledger_of(statement)
    [closing] = [line for line in text.splitlines() if line.startswith(f"{words['line.total']} ")]
    figures = [micro(one) for one in re.findall(r"-?[0-9][0-9,]*(?:\.[0-9]{6})?", closing)]
    won = [one // 1_000_000 for one in figures[:-1]]
    assert figures[-1] == wanted.charge
    assert won[0] == statement.calls
    supply, government, deposit, own, uncollected, vat, total = won[1:]
    assert supply == government + deposit + own
    assert total == supply + vat
    [carried] = [line for line in text.splitlines() if line.startswith(words["line.carried"])]
    assert (supply + uncollected) * 1_000_000 + micro(carried.split()[-1]) == wanted.charge


def test_the_worked_line_is_on_paper() -> None:
    first = made("company", "gaonde")
    only = Statement(first.subject, OCTOBER, "final", first.lines[:1], first.directory, "ab" * 32)
    assert only.lines[0].product_id == "nuri-x1"
    statement = Statement(
        first.subject,
        OCTOBER,
        "final",
        tuple(line for line in first.lines if line.calls == 41_234),
        first.directory,
        "ab" * 32,
    )
    text = "".join(pages(as_pdf(sheet_of(statement, "ko")))).replace("\n", " ")
    assert "공급가액 1,800,000 = 1,260,000 (70%) + 540,000 (30%); 부가세 180,000; 합계 1,980,000" in text
    assert "확정" in text
    assert "ab" * 32 in text


def fonts(data: bytes) -> Iterator[dict[str, Any]]:
    for page in pypdf.PdfReader(io.BytesIO(data)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            yield font.get_object()


def test_korean_glyphs_are_embedded_and_the_pages_are_tagged() -> None:
    data = as_pdf(sheet_of(made("programme", "ai-2026"), "ko"))
    seen = list(fonts(data))
    assert seen
    for font in seen:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "NotoSansKR" in descriptor["/FontName"]
        program = descriptor.get("/FontFile3") or descriptor.get("/FontFile2")
        assert len(program.get_object().get_data()) > 1_000
        assert "/ToUnicode" in font
    text = "".join(pages(data))
    for word in ("정부지원금", "가온데이터", "누리모델", "세금계산서"):
        assert word in text
    assert "\ufffd" not in text
    root = pypdf.PdfReader(io.BytesIO(data)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]  # type: ignore[index]
    assert root["/Lang"] == "ko"  # type: ignore[index]


def test_a_name_is_text_wherever_it_is_shown() -> None:
    """A company may call itself a formula, or markup."""
    sheet = sheet_of(made("provider", "nuri"), "ko")
    evil = "=HYPERLINK(1) #[한빛]$x$"
    assert f"'{evil}" in {row["수요기업"] for row in csv_rows(as_csv(sheet))}
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(sheet, made_at=NOW)))
    cells = [cell for on in book.worksheets for row in on.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert evil in {cell.value for cell in cells}
    assert "#[한빛]$x$" in "".join(pages(as_pdf(sheet)))


@pytest.mark.parametrize("text", ["+1", "-1", "@a", "\t=1", " =1", "\r", "\u3000=1", "\xa0-1", "＝1", "＠a"])
def test_formula_leading_cells_are_quoted(text: str) -> None:
    more = [LedgerSum(GAONDE, text, "usage", OCTOBER, 1, Amounts(1))]
    rows = csv_rows(as_csv(sheet_of(made("company", "gaonde", more=more), "en")))
    assert f"'{text}" in {row["Product"] for row in rows}


def test_heads_are_repeated_on_every_page_and_pages_are_counted() -> None:
    more = [LedgerSum(GAONDE, f"p-{number:03d}", "usage", OCTOBER, 1, Amounts(1)) for number in range(90)]
    found = list(pages(as_pdf(sheet_of(made("company", "gaonde", more=more), "en"))))
    assert len(found) > 2
    for number, text in enumerate(found, 1):
        assert f"{number} / {len(found)}" in text
    assert all("Supply value" in text for text in found[:-1])


def test_a_statement_too_long_for_paper_is_refused_whole() -> None:
    more = [LedgerSum(GAONDE, f"p-{n}", "usage", OCTOBER, 1, Amounts(1)) for n in range(ROWS_MAX)]
    with pytest.raises(TooLong):
        as_pdf(sheet_of(made("company", "gaonde", more=more), "en"))


def test_what_a_double_cannot_hold_is_text_in_the_workbook() -> None:
    huge = 2**53 + 1
    more = [LedgerSum(GAONDE, "huge", "usage", OCTOBER, 1, Amounts(huge))]
    rows = xlsx_rows(as_xlsx(sheet_of(made("company", "gaonde", more=more), "en"), made_at=NOW))
    [row] = [row for row in rows if row["Product"] == "huge"]
    assert row["Exact amount"] == "9007199254.740993"


def test_tax_invoices_are_of_each_provider_and_company() -> None:
    invoices = made("company", "gaonde").tax_invoices
    assert [(one.supplier.id, one.buyer.id, one.missing) for one in invoices] == [
        ("nuri", "gaonde", ()),
        ("other", "gaonde", ("supplier.brn",)),
    ]
    statement = made("company", "gaonde")
    assert sum(one.supply_won for one in invoices) == statement.won.supply
    assert sum(one.vat_won for one in invoices) == statement.vat_won
    assert invoices[0].written_on.isoformat() == "2026-10-31"
