"""The glossary has one row per word, and what it lists is what the code has."""

from __future__ import annotations

import re

from providers.dialects import DIALECTS
from tests.docs.pages import page, tables

GLOSSARY = page("docs/glossary.md")


def words(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(",")]


def test_no_word_is_explained_twice() -> None:
    rows = [row for table in tables(GLOSSARY.text) for row in table]
    told = [word for row in rows for word in words(row.get("English") or row["word"])]
    assert len(told) > 80
    assert sorted(told) == sorted(set(told))


def test_every_dialect_is_listed() -> None:
    [row] = [row for row in tables(GLOSSARY.text)[0] if row["English"] == "dialect"]
    assert set(re.findall(r"`?(\w+)`?(?:, |$)", row["meaning"].partition(": ")[2])) == set(DIALECTS)
