"""The lifecycle's state tables and the office API's routes in the documents are those of the code."""

from __future__ import annotations

import pytest

from billing.lifecycle.tables import TABLES
from tests.docs.office_page import PARTS, marked
from tests.docs.pages import page, tables


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_page_says_what_the_code_says(name: str, part: str) -> None:
    """Else run `python -m tests.docs.office_page`."""
    assert page(name).text == marked(name, part, page(name).text)


def test_the_lifecycle_has_a_table_for_each_thing() -> None:
    shown = tables(page("docs/concepts/lifecycle.md").section("The state tables"))
    assert [[row["action"] for row in rows] for rows in shown] == [
        [step.action for step in table.steps] for table in TABLES
    ]
