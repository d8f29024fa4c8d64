"""The statutory sheets of a settlement, as the one model that CSV, XLSX and PDF are rendered from. Pure.

Sheets have whole won. They are cut off the running total, not off each row, so that the rows of a sheet sum
to its total and every sheet of a settlement has the same one: floor(total), of which the government's part is
floor(government). The exact amounts stand beside them in the files that programs read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from billing.lifecycle import settlement as life
from billing.settlements.cutting import cut_off, whole_won
from billing.settlements.figures import Account
from billing.settlements.spending import brn_text, daily, invoices, items_of, registration
from billing.settlements.words import words_in
from billing.statements.as_csv import exact_text
from billing.statements.sheet import Column, Row, Sheet, Table, day_text
from billing.statements.words import Language
from metering.money import MICRO_PER_WON

Form = Literal["report", "summary", "daily", "registration"]
FORMS: Final[tuple[Form, ...]] = ("report", "summary", "daily", "registration")
Words = Mapping[str, str]
STATES_IN_ENGLISH: Final = {
    "opened": "opened",
    "returned": "returned",
    "reported": "reported",
    "verified": "verified",
    "settled": "settled",
    "closed": "closed",
    "erased": "retention ended",
}


def sheet_of(account: Account, form: Form, language: Language) -> Sheet:
    words = words_in(language)
    more = Table("", (), ())
    notes = list(_notes(account, words))
    if form == "report":
        lines = _report(account, words)
    elif form == "summary":
        lines = _summary(account, words)
    elif form == "daily":
        lines = daily(account, words, language)
    else:
        lines, more = registration(account, words), invoices(account, words)
    if form in ("summary", "daily") and account.rules.text("cost_item") is None:
        notes.append(words["note.cost_item"])
    if form == "summary" and len(lines.rows) > 1:
        notes.append(words["note.one_budget"])
    return Sheet(
        language=language,
        title=words[form],
        facts=tuple(_facts(account, words, language)),
        caption=words["caption"],
        lines=lines,
        invoices=more,
        notes=tuple(notes),
        page=words["page"],
        conditions=words["conditions"],
        minus="△",
    )


def _facts(account: Account, words: Words, language: Language) -> Iterator[tuple[str, str]]:
    row = account.settlement
    state = life.TABLE.states[row["state"]] if language == "ko" else STATES_IN_ENGLISH[row["state"]]
    yield words["fact.programme"], account.programme
    yield words["fact.number"], row["id"]
    yield words["fact.company"], f"{account.company.name} ({brn_text(account.company, words)})"
    of = "voucher" if row["agreement_id"] is None else "agreement"
    yield words[f"fact.{of}"], row[f"{of}_id"]
    period = (account.starts_on, account.ends_on)
    yield words[f"fact.{of}_period"], " – ".join(day_text(day, language) for day in period)
    yield words["fact.state"], state


def _notes(account: Account, words: Words) -> Iterator[str]:
    figures = account.figures
    whole = whole_won(figures.spent_government_micro, figures.spent_self_micro)
    spent = figures.spent_government_micro + figures.spent_self_micro
    yield words["note.fractions"].format(rest=exact_text(spent - sum(whole) * MICRO_PER_WON))
    for name, micro in (
        ("disallowed", figures.clawed_back_micro),
        ("in_kind", account.in_kind_micro),
    ):
        if micro:
            yield words[f"note.{name}"].format(amount=f"{micro // MICRO_PER_WON:,}")


# -- form 2


def _report(account: Account, words: Words) -> Table:
    names = ("national", "local", "self", "total")
    columns = (
        Column("what", words["what"], "text"),
        *(Column(name, words[name], "won") for name in names),
        *(Column(f"exact_{name}", f"{words[name]} ({words['exact']})", "exact", False) for name in names),
    )
    figures = account.figures
    granted = (figures.government_micro, figures.deposit_micro)
    spent = (figures.spent_government_micro, figures.spent_self_micro)
    left = (granted[0] - spent[0], granted[1] - spent[1])
    earned = (account.interest_micro, 0)
    spent_won = whole_won(*spent)
    granted_won = whole_won(*granted)
    left_won = (granted_won[0] - spent_won[0], granted_won[1] - spent_won[1])
    earned_won = (earned[0] // MICRO_PER_WON, 0)
    back_won = (left_won[0] + earned_won[0], left_won[1] + earned_won[1])
    back = (left[0] + earned[0], left[1] + earned[1])

    def row(name: str, won: tuple[int, int], micro: tuple[int, int]) -> Row:
        return (words[name], won[0], 0, won[1], sum(won), micro[0], 0, micro[1], sum(micro))

    return Table(
        words["rows"],
        columns,
        (
            row("granted", granted_won, granted),
            row("spent", spent_won, spent),
            row("left", left_won, left),
            row("interest", earned_won, earned),
        ),
        (row("back", back_won, back),),
    )


# -- form 3


def _summary(account: Account, words: Words) -> Table:
    """What was granted is one amount: it stands at the item that holds for all products."""
    columns = (
        Column("cost_item", words["cost_item"], "text"),
        Column("cost_detail", words["cost_detail"], "text"),
        *(Column(name, words[name], "won") for name in ("budget", "spent_b", "left_ab")),
        Column("rate", words["rate"], "percent"),
        Column("exact", words["exact"], "exact", False),
    )
    budget = (account.figures.government_micro + account.figures.deposit_micro) // MICRO_PER_WON
    general = items_of(account, words, "")
    sums: dict[tuple[str, str], list[int]] = {general: [budget, 0, 0]}
    for cut in cut_off(account.days):
        of = sums.setdefault(items_of(account, words, cut.spent.product_id), [0, 0, 0])
        of[1] += cut.won
        of[2] += cut.micro
    rows = tuple((*items, a, b, a - b, _rate(a, b), exact) for items, (a, b, exact) in sorted(sums.items()))
    spent, exact = (sum(of[place] for of in sums.values()) for place in (1, 2))
    closing: Row = (words["sum"], "", budget, spent, budget - spent, _rate(budget, spent), exact)
    return Table(words["rows"], columns, rows, (closing,))


def _rate(budget: int, spent: int) -> str:
    """Per cent with one place, cut off; none of nothing."""
    if budget <= 0:
        return ""
    tenths = spent * 1000 // budget
    return f"{tenths // 10}.{tenths % 10}"
