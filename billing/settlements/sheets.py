"""The statutory sheets of a settlement, as the one model that CSV, XLSX and PDF are rendered from. Pure.

Sheets have whole won. They are cut off the running total, not off each row, so that the rows of a sheet sum
to its total and every sheet of a settlement has the same one: floor(total), of which the government's part is
floor(government). The exact amounts stand beside them in the files that programs read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from billing.lifecycle import settlement as life
from billing.settlements.figures import Account, Figures, Party, ProgrammeEnd, Spent
from billing.settlements.words import words_in
from billing.statements.amounts import vat_won
from billing.statements.as_csv import exact_text
from billing.statements.sheet import Column, Row, Sheet, Table, Value, day_text
from billing.statements.words import Language
from metering.money import MICRO_PER_WON

Form = Literal["report", "summary", "daily", "registration"]
FORMS: Final[tuple[Form, ...]] = ("report", "summary", "daily", "registration")
Words = Mapping[str, str]
_STATES_IN_ENGLISH: Final = {
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
        lines = _daily(account, words, language)
    else:
        lines, more = _registration(account, words), _invoices(account, words)
    if form in ("summary", "daily") and account.rules.text("cost_item") is None:
        notes.append(words["note.cost_item"])
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
    state = life.TABLE.states[row["state"]] if language == "ko" else _STATES_IN_ENGLISH[row["state"]]
    yield words["fact.programme"], account.programme
    yield words["fact.number"], row["id"]
    yield words["fact.company"], f"{account.company.name} ({_brn(account.company, words)})"
    yield words["fact.agreement"], row["agreement_id"]
    period = (account.starts_on, account.ends_on)
    yield words["fact.period"], " – ".join(day_text(day, language) for day in period)
    yield words["fact.state"], state


def _brn(party: Party | None, words: Words) -> str:
    if party is None or party.brn is None:
        return words["brn_missing"]
    return f"{party.brn[:3]}-{party.brn[3:5]}-{party.brn[5:]}"


def _notes(account: Account, words: Words) -> Iterator[str]:
    figures = account.figures
    whole = _whole(figures.spent_government_micro, figures.spent_self_micro)
    spent = figures.spent_government_micro + figures.spent_self_micro
    yield words["note.fractions"].format(rest=exact_text(spent - sum(whole) * MICRO_PER_WON))
    for name, micro in (
        ("disallowed", figures.clawed_back_micro),
        ("in_kind", account.in_kind_micro),
    ):
        if micro:
            yield words[f"note.{name}"].format(amount=f"{micro // MICRO_PER_WON:,}")


def _whole(government_micro: int, self_micro: int) -> tuple[int, int]:
    """Whole won of a running total: the sum is cut off once, and so is the government's part of it."""
    government = government_micro // MICRO_PER_WON
    return government, (government_micro + self_micro) // MICRO_PER_WON - government


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
    spent_won = _whole(*spent)
    granted_won = _whole(*granted)
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


@dataclass(frozen=True, slots=True)
class _Cut:
    """A product's day or month in whole won, and exactly."""

    spent: Spent
    government_won: int
    self_won: int

    @property
    def won(self) -> int:
        return self.government_won + self.self_won

    @property
    def micro(self) -> int:
        return self.spent.government_micro + self.spent.self_micro


def _cut(rows: Iterable[Spent]) -> Iterator[_Cut]:
    """Whole won by the running total: the rows sum to it, and each is less than a won away."""
    government = own = 0
    before = (0, 0)
    for row in rows:
        government, own = government + row.government_micro, own + row.self_micro
        after = _whole(government, own)
        yield _Cut(row, after[0] - before[0], after[1] - before[1])
        before = after


def _items(account: Account, words: Words, product_id: str) -> tuple[str, str]:
    rules = account.rules
    return (
        rules.text("cost_item", product_id) or words["unset"],
        rules.text("cost_detail", product_id) or words["unset"],
    )


def _summary(account: Account, words: Words) -> Table:
    """The agreement has one amount: it stands at the item that holds for all products."""
    columns = (
        Column("cost_item", words["cost_item"], "text"),
        Column("cost_detail", words["cost_detail"], "text"),
        *(Column(name, words[name], "won") for name in ("budget", "spent_b", "left_ab")),
        Column("rate", words["rate"], "percent"),
        Column("exact", words["exact"], "exact", False),
    )
    budget = (account.figures.government_micro + account.figures.deposit_micro) // MICRO_PER_WON
    general = _items(account, words, "")
    sums: dict[tuple[str, str], list[int]] = {general: [budget, 0, 0]}
    for cut in _cut(account.days):
        of = sums.setdefault(_items(account, words, cut.spent.product_id), [0, 0, 0])
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


# -- form 4


def _daily(account: Account, words: Words, language: Language) -> Table:
    names = ("day", "cost_item", "cost_detail", "payee")
    columns = (
        Column("no", words["no"], "count"),
        *(Column(name, words[name], "text", is_wide=name == "payee") for name in names),
        Column("amount", words["amount"], "won"),
        Column("purpose", words["purpose"], "text"),
        Column("payment_method", words["payment_method"], "text"),
        Column("national", words["national"], "won", False),
        Column("self", words["self"], "won", False),
        Column("exact", words["exact"], "exact", False),
    )
    cuts = list(_cut(account.days))
    rows = tuple(
        (
            number,
            day_text(cut.spent.day, language),
            *_items(account, words, cut.spent.product_id),
            _name(account, cut.spent.provider_id),
            cut.won,
            _purpose(account, words, cut.spent.product_id),
            account.rules.text("payment_method", cut.spent.product_id) or words["method.default"],
            cut.government_won,
            cut.self_won,
            cut.micro,
        )
        for number, cut in enumerate(cuts, 1)
    )
    sums = [
        sum(getattr(cut, name) for cut in cuts) for name in ("won", "government_won", "self_won", "micro")
    ]
    closing: Row = (words["sum"], "", "", "", "", sums[0], "", "", *sums[1:])
    return Table(words["rows"], columns, rows, (closing,))


def _name(account: Account, provider_id: str) -> str:
    party = account.providers.get(provider_id)
    return provider_id if party is None else party.name


def _purpose(account: Account, words: Words, product_id: str) -> str:
    said = account.rules.text("purpose", product_id)
    return words["purpose.default"].format(product=product_id) if said is None else said


# -- what the subsidy systems take


def _months(days: Iterable[Spent]) -> Iterator[Spent]:
    """By the last day of the month, the provider and the product."""
    sums: dict[tuple[date, str, str], list[int]] = {}
    for one in days:
        last = (one.day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        of = sums.setdefault((last, one.provider_id, one.product_id), [0, 0])
        of[0] += one.government_micro
        of[1] += one.self_micro
    for (last, provider_id, product_id), (government, own) in sorted(sums.items()):
        yield Spent(last, provider_id, product_id, government, own)


def _registration(account: Account, words: Words) -> Table:
    texts = ("month", "execution_purpose", "evidence", "cost_detail")
    amounts = ("national", "local", "self", "supply", "vat", "invoice_total")
    columns = (
        *(Column(name, words[name], "text", is_wide=name == "execution_purpose") for name in texts),
        *(Column(name, words[name], "won") for name in amounts),
        Column("counterparty", words["counterparty"], "text"),
        *(Column(name, words[name], "text", is_wide=False) for name in ("counterparty_brn", "account")),
        Column("exact", words["exact"], "exact", False),
    )
    cuts = list(_cut(_months(account.days)))
    rows = tuple(
        (
            f"{cut.spent.day.year}-{cut.spent.day.month:02d}",
            _purpose(account, words, cut.spent.product_id),
            words["evidence.invoice"],
            _items(account, words, cut.spent.product_id)[1],
            *(cut.government_won, 0, cut.self_won, cut.won, vat_won(cut.won)),
            cut.won + vat_won(cut.won),
            _name(account, cut.spent.provider_id),
            _brn(account.providers.get(cut.spent.provider_id), words),
            words["account.missing"],
            cut.micro,
        )
        for cut in cuts
    )
    return Table(words["rows"], columns, rows, (_total(rows, columns, words["sum"]),))


def _invoices(account: Account, words: Words) -> Table:
    """One per provider and month: what a tax invoice says. It is the provider who issues it."""
    texts = ("written_on", "supplier", "supplier_brn", "buyer", "buyer_brn", "item")
    narrow = ("written_on", "supplier_brn", "buyer_brn")
    columns = tuple(Column(name, words[name], "text", is_wide=name not in narrow) for name in texts) + tuple(
        Column(name, words[name], "won") for name in ("supply", "vat", "invoice_total")
    )
    rows = tuple(
        (
            cut.spent.day.isoformat(),
            _name(account, cut.spent.provider_id),
            _brn(account.providers.get(cut.spent.provider_id), words),
            account.company.name,
            _brn(account.company, words),
            _purpose(account, words, cut.spent.product_id),
            *(cut.won, vat_won(cut.won), cut.won + vat_won(cut.won)),
        )
        for cut in _cut(_months(account.days))
        if cut.won
    )
    return Table(words["invoices"], columns, rows, (_total(rows, columns, words["sum"]),))


def _total(rows: Iterable[Row], columns: tuple[Column, ...], name: str) -> Row:
    """The sums of the columns that have amounts, under `name`."""
    found: list[Value] = [name]
    held = list(rows)
    for place, column in enumerate(columns[1:], 1):
        values = [row[place] for row in held]
        found.append(
            "" if column.kind in ("text", "percent") else sum(one for one in values if isinstance(one, int))
        )
    return tuple(found)


# -- a programme's end


def _exact(micro: int) -> str:
    won, _, rest = exact_text(abs(micro)).partition(".")
    return f"{'△' if micro < 0 else ''}{int(won):,}.{rest}"


def programme_sheet(end: ProgrammeEnd, language: Language) -> Sheet:
    words = words_in(language)
    amounts: tuple[tuple[str, str], ...] = (
        ("granted", "government_micro"),
        ("spent", "spent_government_micro"),
        ("returned", "returned_government_micro"),
        ("unreturned", "left_micro"),
        ("interest", "interest_micro"),
        ("clawed_back", "clawed_back_micro"),
    )
    columns = (
        *(
            Column(name, words[name], "text", is_wide=name == "company")
            for name in ("agreement", "company", "state")
        ),
        *(Column(name, words[name], "exact") for name, _ in amounts),
    )

    def figures(of: Figures) -> tuple[int, ...]:
        return tuple(getattr(of, name) for _, name in amounts)

    states = life.TABLE.states if language == "ko" else _STATES_IN_ENGLISH
    rows = tuple(
        (
            share.agreement_id,
            share.company,
            words["state.none"] if share.state is None else states[share.state],
            *figures(share.figures),
        )
        for share in end.shares
    )
    granted = end.total_micro("government_micro")
    closing: tuple[Row, ...] = (
        (words["sum"], "", "", *(end.total_micro(name) for _, name in amounts)),
        (words["never_granted"], "", "", end.budget_micro - granted, *[""] * 5),
        (words["all_budget"], "", "", end.budget_micro, *[""] * 5),
    )
    identity = {
        "budget": end.budget_micro,
        "spent": end.spent_micro,
        "returned": end.returned_micro,
        "left": end.left_micro,
    }
    beside = {
        "interest": end.total_micro("interest_micro"),
        "claimed": end.total_micro("clawed_back_micro"),
    }
    return Sheet(
        language=language,
        title=words["programme"],
        facts=((words["fact.programme"], end.name), (words["fact.id"], end.programme_id)),
        caption=words["caption"],
        lines=Table(words["rows"], columns, rows, closing),
        invoices=Table("", (), ()),
        notes=(
            words["note.identity"].format(**{name: _exact(micro) for name, micro in identity.items()}),
            words["note.interest"].format(**{name: _exact(micro) for name, micro in beside.items()}),
        ),
        page=words["page"],
        conditions=words["conditions"],
        minus="△",
    )
