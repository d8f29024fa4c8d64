"""The one model of a statement that CSV, XLSX and PDF are rendered from. Pure.

A cell is text, a count, whole won or exact micro-won; only a renderer turns it into characters. So the
figures of the three files cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from billing.statements.amounts import Amounts
from billing.statements.lines import Line
from billing.statements.statement import Party, Statement
from billing.statements.words import WORDS, Language

CellKind = Literal["text", "percent", "count", "won", "exact"]
Value = str | int
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`on_paper`: the PDF has it too; what is finer is in the files that programs read.

    `is_wide`: takes the room that is left on paper; None: texts do, but for the first two of a table that
    has sums. A percentage is text with the place of a number.
    """

    name: str
    title: str
    kind: CellKind
    on_paper: bool = True
    is_wide: bool | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`closing`: rows that are sums, shown apart from the others."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    closing: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    language: Language
    title: str
    facts: tuple[tuple[str, str], ...]
    caption: str
    lines: Table
    invoices: Table
    notes: tuple[str, ...]
    page: str
    conditions: str
    minus: Literal["-", "△"] = "-"  # statutory sheets mark what is below zero


_WON: Final = ("supply", "government", "deposit", "own", "uncollected", "vat", "total")
_EXACT: Final = ("charge", "government", "deposit", "own", "uncollected")


def sheet_of(statement: Statement, language: Language) -> Sheet:
    words = WORDS[language]
    kind = statement.subject.kind
    return Sheet(
        language=language,
        title=words[f"title.{kind}"],
        facts=tuple(_facts(statement, words, language)),
        caption=words["caption"],
        lines=_lines(statement, words),
        invoices=_invoices(statement, words),
        notes=tuple(_notes(statement, words)),
        page=words["page"],
        conditions=words["conditions"],
    )


def _facts(statement: Statement, words: Mapping[str, str], language: Language) -> Iterator[tuple[str, str]]:
    kind, month = statement.subject.kind, statement.month
    names = statement.directory
    if kind == "programme":
        subject = f"{names.programmes[statement.subject.id]} ({statement.subject.id})"
    else:
        parties = names.companies if kind == "company" else names.providers
        subject = _named(parties[statement.subject.id], words)
    yield words[kind], subject
    yield words["number"], statement.number
    yield words["month"], f"{day_text(month.first_day, language)} – {day_text(month.last_day, language)}"
    yield words["state"], words[f"state.{statement.state}"]
    if statement.lines_sha256 is not None:
        yield words["hash"], statement.lines_sha256


def _named(party: Party, words: Mapping[str, str]) -> str:
    return f"{party.name} ({brn_text(party, words)})"


def brn_text(party: Party, words: Mapping[str, str]) -> str:
    if party.brn is None:
        return words["brn_missing"]
    return f"{party.brn[:3]}-{party.brn[3:5]}-{party.brn[5:]}"


def day_text(day: date, language: Language) -> str:
    if language == "ko":
        return f"{day.year}.{day.month:02d}.{day.day:02d}"
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day.day} {months[day.month - 1]} {day.year}"


def _columns(statement: Statement, words: Mapping[str, str]) -> tuple[Column, ...]:
    kind = statement.subject.kind

    def text(name: str, *, on_paper: bool = True) -> Column:
        return Column(name, words[name], "text", on_paper)

    return (
        text("line"),
        text("service_month"),
        *(text(name, on_paper=False) for name in ("programme",) if kind != "programme"),
        *(text(name) for name in ("company",) if kind != "company"),
        text("voucher", on_paper=kind == "company"),
        *(text(name) for name in ("provider",) if kind != "provider"),
        text("product"),
        Column("calls", words["calls"], "count"),
        *(Column(name, words[name], "won") for name in _WON),
        *(
            Column(f"exact_{name}", words[f"exact_{name}"], "exact", on_paper=name == "charge")
            for name in _EXACT
        ),
    )


def _lines(statement: Statement, words: Mapping[str, str]) -> Table:
    columns = _columns(statement, words)
    total = _figures(
        statement.won, statement.vat_won, statement.total_won, statement.exact_micro, statement.calls
    )
    carried = {f"exact_{name}": getattr(statement.rest_micro, name) for name in _EXACT}
    return Table(
        words["lines"],
        columns,
        tuple(
            _row(columns, _texts(line, statement, words) | _line_figures(line)) for line in statement.lines
        ),
        (
            _row(columns, {"line": words["line.total"]} | total),
            _row(columns, {"line": words["line.carried"]} | carried),
        ),
    )


def _texts(line: Line, statement: Statement, words: Mapping[str, str]) -> dict[str, Value]:
    kind = "late" if line.kind == "usage" and line.is_late else line.kind
    account, names = line.account, statement.directory
    return {
        "line": words[f"line.{kind}"],
        "service_month": str(line.service_month),
        "programme": names.programmes[account.programme_id],
        "company": names.companies[account.company_id].name,
        "voucher": account.voucher_id,
        "provider": names.providers[account.provider_id].name,
        "product": _product(line, statement, words),
    }


def _product(line: Line, statement: Statement, words: Mapping[str, str]) -> str:
    """With the unit it is charged by, where that is not the call."""
    unit = statement.directory.units.get(line.product_id)
    return line.product_id if unit is None else f"{line.product_id} ({words[f'unit.{unit}']})"


def _line_figures(line: Line) -> dict[str, Value]:
    return _figures(line.won, line.vat_won, line.total_won, line.exact_micro, line.calls)


def _figures(won: Amounts, vat: int, total: int, exact_micro: Amounts, calls: int) -> dict[str, Value]:
    figures: dict[str, Value] = {name: getattr(won, name) for name in _WON if name not in ("vat", "total")}
    figures |= {f"exact_{name}": getattr(exact_micro, name) for name in _EXACT}
    return figures | {"vat": vat, "total": total, "calls": calls}


def _row(columns: tuple[Column, ...], values: Mapping[str, Value]) -> Row:
    return tuple(values.get(column.name, "") for column in columns)


def _invoices(statement: Statement, words: Mapping[str, str]) -> Table:
    names = ("supplier", "supplier_brn", "buyer", "buyer_brn", "written_on")
    columns = tuple(Column(name, words[name], "text") for name in names) + tuple(
        Column(name, words[name], "won") for name in ("supply", "vat", "total")
    )
    rows = tuple(
        (
            invoice.supplier.name,
            brn_text(invoice.supplier, words),
            invoice.buyer.name,
            brn_text(invoice.buyer, words),
            invoice.written_on.isoformat(),
            invoice.supply_won,
            invoice.vat_won,
            invoice.total_won,
        )
        for invoice in statement.tax_invoices
    )
    return Table(words["invoices"], columns, rows)


def _notes(statement: Statement, words: Mapping[str, str]) -> Iterator[str]:
    if not statement.lines:
        yield words["none"]
    won, shares = statement.won, set(_shares(statement))
    if statement.lines:
        percent = shares.pop() // 10_000 if len(shares) == 1 else None
        of_government = "" if percent is None else f" ({percent}%)"
        of_deposit = "" if percent is None else f" ({100 - percent}%)"
        parts = f"{won.government:,}{of_government} + {won.deposit:,}{of_deposit}"
        if won.own:
            parts += f" + {won.own:,}"
        yield (
            f"{words['supply']} {won.supply:,} = {parts}; {words['vat']} {statement.vat_won:,};"
            f" {words['total']} {statement.total_won:,}"
        )
    if won.uncollected:
        yield words["note.uncollected"]
    yield words["note.rounding"]
    if statement.state == "provisional":
        yield words["note.provisional"]


def _shares(statement: Statement) -> Iterator[int]:
    """Of lines whose share is a whole percentage; else none is shown."""
    for line in statement.lines:
        share = statement.directory.shares_ppm.get(line.account.voucher_id, 1)
        yield share if share % 10_000 == 0 else -1 - len(line.account.voucher_id)
