"""What a programme had, gave and got back, on one sheet. Pure."""

from __future__ import annotations

from billing.lifecycle import settlement as life
from billing.settlements.figures import Figures, ProgrammeEnd
from billing.settlements.sheets import STATES_IN_ENGLISH
from billing.settlements.words import words_in
from billing.statements.as_csv import exact_text
from billing.statements.sheet import Column, Row, Sheet, Table
from billing.statements.words import Language


def exact_won(micro: int) -> str:
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

    states = life.TABLE.states if language == "ko" else STATES_IN_ENGLISH
    rows: tuple[Row, ...] = tuple(
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
            words["note.identity"].format(**{name: exact_won(micro) for name, micro in identity.items()}),
            words["note.interest"].format(**{name: exact_won(micro) for name, micro in beside.items()}),
        ),
        page=words["page"],
        conditions=words["conditions"],
        minus="△",
    )
