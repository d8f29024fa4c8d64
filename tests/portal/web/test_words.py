"""Every text is there in both languages, and every text that a page asks for is there at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

import portal.web
from billing.lifecycle.tables import TABLES
from portal.web import (
    actions,
    alert_views,
    call_views,
    calls,
    ending_views,
    formats,
    market_entries,
    market_views,
    money_views,
    navigation,
    payable_views,
    render,
    report_views,
    views,
    words,
)
from portal.web.kinds import THINGS
from portal.web.lists import LISTS
from portal.web.making import MAKINGS
from portal.web.texts import calls as call_texts
from portal.web.texts import fields, market, matters, money, pages, payables, shell, states
from portal.web.view import View

WEB: Final = Path(portal.web.__file__).parent
HANGUL: Final = re.compile("[가-힣]")
PARTICLES: Final = re.compile(r"[을를이가은는과와]\([을를이가은는과와]\)")
# Where the other language is meant: its own name, a sign that Koreans write, what the law calls it.
MEANT: Final = {"language", "help.won", "error.won", "service"}


def test_a_text_says_something_in_both_languages() -> None:
    faults = {key: fault for key, said in words.TEXTS.items() if (fault := fault_of(key, *said))}
    assert faults == {}


def fault_of(key: str, korean: str, english: str) -> str | None:
    if not korean.strip() or not english.strip():
        return "one says nothing"
    if key not in MEANT and HANGUL.search(english):
        return "Korean in the English one"
    if PARTICLES.search(korean):
        return "a particle left open"
    slots = [sorted(re.findall(r"\{(\w+)\}", said)) for said in (korean, english)]
    return None if slots[0] == slots[1] else f"other slots: {slots}"


def test_no_part_says_another_part_s_text_again() -> None:
    parts = (shell, pages, call_texts, fields, states, market, matters, money, payables)
    assert sum(len(part.TEXTS) for part in parts) == len(words.TEXTS)


def test_every_text_of_a_template_is_there() -> None:
    asked = {
        (path.name, key)
        for path in sorted((WEB / "templates").glob("*.html"))
        for key in re.findall(r"\bt\('([\w.]+)'(?:,|\))", path.read_text("utf-8"))
    }
    assert len(asked) > 50
    assert [one for one in asked if one[1] not in words.TEXTS] == []


def test_every_column_filter_and_fact_has_its_word() -> None:
    tables = {listed.view for listed in LISTS} | _views()
    asked = {f"column.{column.name}" for view in tables for column in view.columns}
    asked |= {f"filter.{one.name}" for view in tables for one in view.filters}
    asked |= {view.caption for view in tables} | {listed.title for listed in LISTS}
    asked |= {f"field.{fact.name}" for thing in THINGS for fact in thing.facts}
    asked |= {f"field.{fact.name}" for fact in calls._FACTS}
    asked |= {entry.text for entries in navigation.MENU.values() for entry in entries}
    asked |= {key for entries in navigation.MENU.values() for entry in entries for _, key in entry.under}
    asked |= {making.title for making in MAKINGS} | {f"nav.{making.kind}" for making in MAKINGS}
    asked |= {f"nav.{thing.kind}" for thing in THINGS}
    asked |= {f"field.{field.name}" for field in market_entries.PRICE_FIELDS}
    assert asked - set(words.TEXTS) == set()
    assert all(len(entries) <= 7 for entries in navigation.MENU.values())


def _views() -> set[View]:
    parts = (
        *(views, call_views, market_views, money_views, payable_views, ending_views, report_views),
        alert_views,
    )
    named = {one for part in parts for one in vars(part).values() if isinstance(one, View)}
    return named | {money_views.reconciliation_lines(None), money_views.corrected_calls(None)}


def test_every_state_and_step_has_its_word() -> None:
    for table in TABLES:
        for state in table.states:
            assert words.state_word(table.thing, state, "ko") == table.states[state]
            assert words.state_word(table.thing, state, "en")
        for step in table.steps:
            assert words.action_word(table.thing, step.action, "en")
    steps = {(table.thing, step.action) for table in TABLES for step in table.steps}
    assert set(actions.ACTIONS) <= steps


@pytest.mark.parametrize(
    ("micro", "korean", "english"),
    [
        (1_234_567_000_000, "1,234,567원", "₩1,234,567"),
        (215_000, "0.215원", "₩0.215"),
        (-1_234_000_000, "-1,234원", "-₩1,234"),
        (0, "0원", "₩0"),
        (9_000_000_000_000_000_000, "9,000,000,000,000원", "₩9,000,000,000,000"),
    ],
)
def test_amounts(micro: int, korean: str, english: str) -> None:
    assert (formats.won(micro, "ko"), formats.won(micro, "en")) == (korean, english)
    assert formats.micro_of(korean.removesuffix("원").replace(",", "")) == micro


def test_days_are_korean_days() -> None:
    instant = formats.of_ms(1_793_458_799_000)  # a second before November in Korea
    assert formats.instant(instant, "ko") == "2026.10.31 23:59:59"
    assert formats.instant(instant, "en") == "31 Oct 2026, 23:59:59 KST"
    assert (formats.share(666_667), formats.share(750_000)) == ("66.6667%", "75%")
    assert (formats.percent(632, 1000), formats.percent(1, 0)) == ("63.2%", None)
    assert (formats.ratio("3.18", "ko"), formats.ratio("3.18", "en")) == ("3.18 대 1", "3.18 : 1")
    assert formats.brn("1111111119") == "111-11-11119"


def test_the_style_is_small() -> None:
    import gzip

    assert len(gzip.compress(render.static("office.css"))) <= 12_000
