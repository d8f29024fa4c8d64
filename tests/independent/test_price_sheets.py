"""Entries with several sheets: a call that names the wrong one is found, even where the sum is the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.independent.hand_books import made_by_hand
from tests.independent.hand_bundle import HandBundle, findings_of
from tests.independent.hand_figures import PRICE_FROM, WON
from tests.independent.hand_seal import as_json

ENTRY: Final = f"nuri-x1@{PRICE_FROM}"
Change = Callable[[HandBundle], object]

# nuri-x1 costs 1250, cached 625, out 5000. op-1 has 140 in (40 of them cached) and 30 out: 300,000 micro-won.
# These cost as much at 300,000: a sheet is told apart by more than its sum.
SAME: Final = {"input": 1250 * WON, "cached_input": 625 * WON, "output": 5000 * WON}
SHEETS: Final[dict[str, dict[str, Any]]] = {
    "over-100": {"input_tokens_over": 100, **SAME},
    "over-139": {"input_tokens_over": 139, **SAME},
    "over-140": {"input_tokens_over": 140, **SAME},
    "flex": {"service_tier": "flex", **SAME},
    "flex.over-140": {"service_tier": "flex", "input_tokens_over": 140, **SAME},
    "priority": {"service_tier": "priority", "input": 2500 * WON, "output": 5000 * WON},
    "batch": {"batch": True, **SAME},
    "batch.over-5": {"batch": True, "input_tokens_over": 5, **SAME},
    "model-adviser": {"model": "adviser", "input": 7 * WON, "output": 9 * WON},
}


def with_sheets(made: HandBundle, *names: str) -> None:
    """As the books write them: after their entry, before the calls."""
    for number, name in enumerate(names):
        row: dict[str, Any] = dict.fromkeys(("input_tokens_over", "service_tier", "model", "dollars"))
        row |= {"product_id": "nuri-x1", "valid_from": PRICE_FROM, "valid_from_text": PRICE_FROM}
        row |= {"name": name, "batch": False}
        cells = {"batch": "1", "id": str(900 + number), "kind": "price_sheet"}
        made.rows["change"].append({**cells, "row": as_json({**row, **SHEETS[name]})})
    made.rows["change"].sort(key=lambda change: int(change["batch"]))
    for number, change in enumerate(made.rows["change"], 1):
        change["id"] = str(number)


def charged_by(made: HandBundle, sheet: str, units: dict[str, int] | None = None) -> None:
    row = made.row("usage", op="op-1")
    row["price_entry"] = f"{ENTRY}#{sheet}" if sheet else ENTRY
    row["units"] = json.dumps(units or {})


def of_call(made: HandBundle, op: str, folder: Path) -> set[tuple[str, str]]:
    """(rule, field) of what is found of one call: others have longer inputs on their entry's own sheet."""
    return {(f.rule, f.field) for f in findings_of(made, folder) if str(f.row).startswith(f"{op} ")}


# the sheets there are, the one op-1 names -> the rule and field of a finding
CHOSEN: Final = [
    ((), "", None),
    (("flex", "batch", "priority"), "", None),
    (("over-140",), "", None),  # exactly at the threshold is not over it
    (("over-100", "over-139", "over-140"), "over-139", None),
    (("flex", "flex.over-140", "over-100"), "flex", None),
    (("batch", "over-100"), "batch", None),
    (("batch", "batch.over-5"), "batch.over-5", None),
    (("over-100",), "", ("directory", "price_entry")),  # too cheap a sheet for so long an input
    (("over-100", "over-139"), "over-100", ("directory", "price_entry")),
    (("over-140",), "over-140", ("directory", "price_entry")),
    (("flex", "flex.over-140"), "flex.over-140", ("directory", "price_entry")),
    (("batch", "batch.over-5"), "batch", ("directory", "price_entry")),
    (("flex",), "priority", ("directory", "price_entry")),  # there is none
    (("model-adviser",), "model-adviser", ("directory", "price_entry")),  # not of this product's own turns
    (("priority",), "priority", ("price", "charge_micro")),  # named, and not charged by
]


@pytest.mark.parametrize(("sheets", "named", "found"), CHOSEN)
def test_the_sheet_of_a_call(
    sheets: tuple[str, ...], named: str, found: tuple[str, str] | None, tmp_path: Path
) -> None:
    made = made_by_hand()
    with_sheets(made, *sheets)
    charged_by(made, named)
    assert of_call(made, "op-1", tmp_path) == (set() if found is None else {found})


@pytest.mark.parametrize(
    ("sheets", "named", "is_right"),
    [
        (("over-100",), "", True),
        (("batch", "batch.over-5"), "batch", True),
        (("batch", "batch.over-5"), "batch.over-5", False),
    ],
)
def test_the_sheet_of_a_batch(sheets: tuple[str, ...], named: str, is_right: bool, tmp_path: Path) -> None:
    made = made_by_hand()
    with_sheets(made, *sheets)
    charged_by(made, named, {"requests": 3})
    assert of_call(made, "op-1", tmp_path) == (set() if is_right else {("directory", "price_entry")})


def without_its_entry(made: HandBundle) -> None:
    with_sheets(made, "flex")
    changes = made.rows["change"]
    changes.insert(0, changes.pop(next(i for i, c in enumerate(changes) if c["kind"] == "price_sheet")))
    for number, change in enumerate(changes, 1):
        change["id"] = str(number)


def edited(**values: object) -> Change:
    """The same sheet once more, with another value."""

    def change(made: HandBundle) -> None:
        with_sheets(made, "flex", "flex")
        cells, row = made.changes("price_sheet")[-1]
        cells["row"] = as_json({**row, **values})

    return change


def in_dollars(rate: str = "1392.5", **wrong: int) -> Change:
    """A dollar is 1392.5 won; 0.897666 dollars are 1,249.999905 won, and 0.0625 are 87.03125."""

    def change(made: HandBundle) -> None:
        with_sheets(made, "flex")
        free = {"per_request": "0"}
        for kind, prices in (("price", {"input": "0.897666", **free}), ("price_sheet", {"output": "0.0625"})):
            cells, row = made.changes(kind, product_id="nuri-x1")[0]
            row["dollars"] = {"prices": prices, "krw_per_usd": rate, "rate_on": "2026-01-02"}
            row |= {"input": 1_249_999_905} if kind == "price" else {"output": 87_031_250}
            cells["row"] = as_json({**row, **(wrong if kind == "price_sheet" else {})})

    return change


def in_dollars_of(**prices: str) -> Change:
    def change(made: HandBundle) -> None:
        cells, row = made.changes("price", product_id="nuri-x1")[0]
        cells["row"] = as_json({**row, "dollars": {"prices": prices, "krw_per_usd": "1400"}})

    return change


FOUND: Final[dict[str, tuple[Change, tuple[str, str] | None]]] = {
    "sheets and nothing else": (lambda made: with_sheets(made, *SHEETS), ("directory", "price_entry")),
    "a sheet said twice": (edited(), None),
    "an edited number": (edited(input=WON), ("directory", "input")),
    "an edited threshold": (edited(input_tokens_over=3), ("directory", "name")),
    "an edited tier": (edited(service_tier="priority"), ("directory", "name")),
    "a threshold below zero": (edited(input_tokens_over=-1), ("shape", "input_tokens_over")),
    "a threshold of text": (edited(input_tokens_over="1"), ("shape", "input_tokens_over")),
    "a sheet before its entry": (without_its_entry, ("directory", "name")),
    "dollars that became other won": (in_dollars(output=87_031_251), ("directory", "output")),
    "a price of no name": (in_dollars_of(gift="1"), ("directory", "gift")),
    "a price that is no number": (in_dollars_of(input="1,25"), ("directory", "input")),
    "a rate that is none": (in_dollars("1,392.5"), ("directory", "output")),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_directory_of_sheets(name: str, tmp_path: Path) -> None:
    change, expected = FOUND[name]
    made = made_by_hand()
    change(made)
    found = {(finding.rule, finding.field) for finding in findings_of(made, tmp_path)}
    assert (found == set()) if expected is None else (expected in found)


def test_dollars_at_their_rate_are_no_finding_of_the_directory(tmp_path: Path) -> None:
    """The calls of these books were charged by other prices, which is another rule."""
    made = made_by_hand()
    in_dollars()(made)
    assert "directory" not in {finding.rule for finding in findings_of(made, tmp_path)}


@pytest.mark.parametrize(
    ("units", "more_micro", "rule"),
    [
        ({"adviser_input": 3, "adviser_output": 2}, 3 * 7 + 2 * 9, None),
        ({"adviser_input": 3, "adviser_output": 2}, 3 * 7 + 2 * 9 + 1, "price"),
        ({"adviser_input": 4, "adviser_output": 2}, 3 * 7 + 2 * 9, "price"),
        ({"adviser_cached_input": 5}, 5 * 7, None),
        ({"stranger_input": 3}, 0, None),
        ({"stranger_input": 3}, 3 * 7, "price"),
        ({"pictures": 3}, 0, "directory"),
    ],
)
def test_another_model_s_turns(
    units: dict[str, int], more_micro: int, rule: str | None, tmp_path: Path
) -> None:
    """op-1 costs more than on paper by as much as the adviser: of that only the price rule is asked."""
    made = made_by_hand()
    with_sheets(made, "model-adviser")
    charged_by(made, "", units)
    row = made.row("usage", op="op-1")
    row["charge_micro"] = str(int(row["charge_micro"]) + more_micro)
    rules = {finding.rule for finding in findings_of(made, tmp_path)}
    assert rules & {"price", "directory"} == (set() if rule is None else {rule})


def test_a_checkpoint_names_no_sheet_and_costs_at_most_its_entry_s(tmp_path: Path) -> None:
    """op-6 was swept with 20 in and 7 out, whose last word came later."""
    for tokens, rules in (("20", set()), ("21", set()), ("19", {"price"})):
        made = made_by_hand()
        with_sheets(made, "over-140", "flex")
        made.row("usage", op="op-6", step=0)["input_tokens"] = tokens
        assert {rule for rule, _ in of_call(made, "op-6", tmp_path / tokens)} == rules
