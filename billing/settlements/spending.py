"""The sheets that list what was spent: by day (별지4), and by month as the subsidy systems take it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from billing.settlements.cutting import by_month, cut_off
from billing.settlements.figures import Account, Party
from billing.statements.amounts import vat_won
from billing.statements.sheet import Column, Row, Table, Value, day_text
from billing.statements.words import Language

Words = Mapping[str, str]


def items_of(account: Account, words: Words, product_id: str) -> tuple[str, str]:
    rules = account.rules
    return (
        rules.text("cost_item", product_id) or words["unset"],
        rules.text("cost_detail", product_id) or words["unset"],
    )


def brn_text(party: Party | None, words: Words) -> str:
    if party is None or party.brn is None:
        return words["brn_missing"]
    return f"{party.brn[:3]}-{party.brn[3:5]}-{party.brn[5:]}"


def daily(account: Account, words: Words, language: Language) -> Table:
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
    cuts = list(cut_off(account.days))
    rows = tuple(
        (
            number,
            day_text(cut.spent.day, language),
            *items_of(account, words, cut.spent.product_id),
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


def registration(account: Account, words: Words) -> Table:
    texts = ("month", "execution_purpose", "evidence", "cost_detail")
    amounts = ("national", "local", "self", "supply", "vat", "invoice_total")
    columns = (
        *(Column(name, words[name], "text", is_wide=name == "execution_purpose") for name in texts),
        *(Column(name, words[name], "won") for name in amounts),
        Column("counterparty", words["counterparty"], "text"),
        *(Column(name, words[name], "text", is_wide=False) for name in ("counterparty_brn", "account")),
        Column("exact", words["exact"], "exact", False),
    )
    cuts = list(cut_off(by_month(account.days)))
    rows = tuple(
        (
            f"{cut.spent.day.year}-{cut.spent.day.month:02d}",
            _purpose(account, words, cut.spent.product_id),
            words["evidence.invoice"],
            items_of(account, words, cut.spent.product_id)[1],
            *(cut.government_won, 0, cut.self_won, cut.won, vat_won(cut.won)),
            cut.won + vat_won(cut.won),
            _name(account, cut.spent.provider_id),
            brn_text(account.providers.get(cut.spent.provider_id), words),
            words["account.missing"],
            cut.micro,
        )
        for cut in cuts
    )
    return Table(words["rows"], columns, rows, (_total(rows, columns, words["sum"]),))


def invoices(account: Account, words: Words) -> Table:
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
            brn_text(account.providers.get(cut.spent.provider_id), words),
            account.company.name,
            brn_text(account.company, words),
            _purpose(account, words, cut.spent.product_id),
            *(cut.won, vat_won(cut.won), cut.won + vat_won(cut.won)),
        )
        for cut in cut_off(by_month(account.days))
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
