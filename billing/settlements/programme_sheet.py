"""What a programme had, gave and got back, on one sheet. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from billing.lifecycle import settlement as life
from billing.settlements.figures import Figures, ProgrammeEnd
from billing.settlements.sheets import STATES_IN_ENGLISH
from billing.settlements.words import words_in
from billing.statements.as_csv import exact_text
from billing.statements.sheet import Column, Row, Sheet, Table
from billing.statements.words import Language

_AMOUNTS: Final = (
    ("granted", "government_micro"),
    ("spent", "spent_government_micro"),
    ("returned", "returned_government_micro"),
    ("unreturned", "left_micro"),
    ("interest", "interest_micro"),
    ("clawed_back", "clawed_back_micro"),
)


def programme_sheet(end: ProgrammeEnd, language: Language) -> Sheet:
    words = words_in(language)
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
        lines=_lines(end, words, life.TABLE.states if language == "ko" else STATES_IN_ENGLISH),
        invoices=Table("", (), ()),
        notes=(
            words["note.identity"].format(**{name: _exact(micro) for name, micro in identity.items()}),
            words["note.interest"].format(**{name: _exact(micro) for name, micro in beside.items()}),
        ),
        page=words["page"],
        conditions=words["conditions"],
        minus="△",
    )


def _lines(end: ProgrammeEnd, words: Mapping[str, str], states: Mapping[str, str]) -> Table:
    columns = (
        *(
            Column(name, words[name], "text", is_wide=name == "company")
            for name in ("granted_by", "company", "state")
        ),
        *(Column(name, words[name], "exact") for name, _ in _AMOUNTS),
    )
    rows: tuple[Row, ...] = tuple(
        (
            share.voucher_id if share.agreement_id is None else share.agreement_id,
            share.company,
            words["state.none"] if share.state is None else states[share.state],
            *_figures(share.figures),
        )
        for share in end.shares
    )
    rest = [""] * (len(_AMOUNTS) - 1)
    never = end.budget_micro - end.total_micro("government_micro")
    closing: tuple[Row, ...] = (
        (words["sum"], "", "", *(end.total_micro(name) for _, name in _AMOUNTS)),
        (words["never_granted"], "", "", never, *rest),
        (words["all_budget"], "", "", end.budget_micro, *rest),
    )
    return Table(words["rows"], columns, rows, closing)


def _figures(of: Figures) -> tuple[int, ...]:
    return tuple(getattr(of, name) for _, name in _AMOUNTS)


def _exact(micro: int) -> str:
    won, _, rest = exact_text(abs(micro)).partition(".")
    return f"{'△' if micro < 0 else ''}{int(won):,}.{rest}"
