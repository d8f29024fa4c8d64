"""Whole falsehoods: told consistently in every table and sealed with the right key, or rows put elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.independent.checker import check
from tests.independent.hand_books import made_by_hand
from tests.independent.hand_bundle import COLUMNS, HandBundle, findings_of

# -- an insider who thinks further


def dearer(made: HandBundle, op: str, micro: int) -> None:
    """A call of B's booked dearer everywhere: its step, its postings, the balances. The line has nothing left
    to pay with, so it is left uncollected, and no other call's split moves."""
    usage = made.row("usage", op=op)
    for name in ("charge", "uncollected"):
        for column in (f"{name}_micro", f"d_{name}_micro"):
            usage[column] = str(int(usage[column]) + micro)
    for account, sign in (("voucher/B/uncollected", -1), ("provider/nuri/payable", 1)):
        posting = made.row("posting", entry_id=usage["entry_id"], account=account)
        posting["amount_micro"] = str(int(posting["amount_micro"]) + sign * micro)
        balance = made.row("balance", account=account)
        balance["balance_micro"] = str(int(balance["balance_micro"]) + sign * micro)


def more_tokens(made: HandBundle) -> None:
    dearer(made, "op-b2", 1250)
    usage = made.row("usage", op="op-b2")
    usage["input_tokens"] = str(int(usage["input_tokens"]) + 1)


def without_the_last_call(made: HandBundle) -> None:
    """As if op-b2 had never been, in every table."""
    usage = made.row("usage", op="op-b2")
    made.rows["usage"].remove(usage)
    made.rows["entry"].remove(made.row("entry", id=usage["entry_id"]))
    for posting in [row for row in made.rows["posting"] if row["entry_id"] == usage["entry_id"]]:
        made.rows["posting"].remove(posting)
        balance = made.row("balance", account=posting["account"])
        balance["balance_micro"] = str(int(balance["balance_micro"]) - int(posting["amount_micro"]))
    made.rows["balance"].remove(made.row("balance", account="voucher/B/uncollected"))
    funds = made.row("funds", voucher_id="B")
    funds.update(free_micro="5000000", charged_micro="5000000", direct_micro="0")


def from_grant_to_deposit(made: HandBundle) -> None:
    """One micro-won that the government should have paid is the company's, in every table."""
    usage = made.row("usage", op="op-5")
    for name, off in (("government", -1), ("self", 1)):
        for column in (f"{name}_micro", f"d_{name}_micro"):
            usage[column] = str(int(usage[column]) + off)
        posting = made.row("posting", entry_id=usage["entry_id"], account=f"voucher/A/{name}")
        posting["amount_micro"] = str(int(posting["amount_micro"]) - off)
        balance = made.row("balance", account=f"voucher/A/{name}")
        balance["balance_micro"] = str(int(balance["balance_micro"]) - off)


def posted(made: HandBundle, op: str, amounts: dict[str, int]) -> None:
    """More (or less) on accounts of the entry of a call than its usage rows say, and balances that follow."""
    for account, off in amounts.items():
        posting = made.row("posting", entry_id=made.row("usage", op=op)["entry_id"], account=account)
        posting["amount_micro"] = str(int(posting["amount_micro"]) + off)
        balance = made.row("balance", account=account)
        balance["balance_micro"] = str(int(balance["balance_micro"]) + off)


def paid_too_much(made: HandBundle) -> None:
    posted(made, "op-5", {"voucher/A/government": -1, "provider/hanbit/payable": 1})


def by_another_loan(made: HandBundle) -> None:
    lane = made.row("usage", op="op-5")["lane"]
    posted(made, "op-5", {f"voucher/A/allotment/{lane}.1": -1, "voucher/A/free": 1})
    funds = made.row("funds", voucher_id="A")
    funds["free_micro"] = str(int(funds["free_micro"]) + 1)


INSIDERS: Final[dict[str, tuple[Callable[[HandBundle], None], set[str]]]] = {
    "a micro-won dearer everywhere": (lambda made: dearer(made, "op-b2", 1), {"price", "told"}),
    "a provider paid more than the calls cost": (paid_too_much, {"sub-ledger"}),
    "paid by another loan than the calls say": (by_another_loan, {"sub-ledger"}),
    "a share off by one everywhere": (from_grant_to_deposit, {"share"}),
    "a token more and its price": (more_tokens, {"vendor", "told"}),
    "a call left out everywhere": (without_the_last_call, {"told"}),
}


@pytest.mark.parametrize("name", INSIDERS)
def test_an_insider_who_thinks_further(name: str, tmp_path: Path) -> None:
    change, rules = INSIDERS[name]
    made = made_by_hand()
    change(made)
    assert {finding.rule for finding in findings_of(made, tmp_path)} == rules


def test_a_call_that_nobody_made(tmp_path: Path) -> None:
    """op-7 was served and is in the books; neither log knows of it."""
    made = made_by_hand()
    made.vendor = [line for line in made.vendor if line["call_id"] != "v-op-7"]
    made.clients = [line for line in made.clients if line["request_id"] != "r-op-7"]
    found = findings_of(made, tmp_path)
    assert [(finding.rule, finding.row) for finding in found] == [
        ("served", "op-7 step 0"),
        ("once", "op-7 step 0"),
    ]


def test_one_answer_of_the_vendors_charged_twice(tmp_path: Path) -> None:
    """Two calls name the same answer of the vendor's, and the same attempt of a client's."""
    made = made_by_hand()
    made.row("usage", op="op-3").update(upstream_request_id="v-op-2", request_id="r-op-2")
    made.vendor = [line for line in made.vendor if line["call_id"] != "v-op-3"]
    found = findings_of(made, tmp_path)
    assert {finding.rule for finding in found} == {"served", "once"}


def test_a_refusal_that_was_charged(tmp_path: Path) -> None:
    made = made_by_hand()
    for line in made.clients:
        if line["request_id"] == "r-op-7" and line["line"] == "end":
            line.update(verdict="fail", status=402, charge_micro=None)
    (found,) = findings_of(made, tmp_path)
    assert (found.rule, found.micro) == ("once", 1_250)


# -- rows that are not where they were


MOVES: Final[dict[str, Callable[[list[str]], list[str]]]] = {
    "dropped": lambda lines: [*lines[:-2], lines[-1]] if len(lines) > 2 else lines[:-1],
    "twice": lambda lines: [*lines, lines[-1]],
    "moved": lambda lines: [lines[0], lines[-1], *lines[1:-1]],
}


@pytest.mark.parametrize("table", COLUMNS)
@pytest.mark.parametrize("move", MOVES)
def test_a_row_that_is_dropped_or_doubled_or_moved(table: str, move: str, tmp_path: Path) -> None:
    made = made_by_hand()
    made.rows["parked"].append(made.rows["parked"][0] | {"stream_id": "1790000000001-0"})
    made.rows["funds"].sort(key=lambda row: row["voucher_id"])
    bundle = made.write(tmp_path / "bundle")
    names, *lines = (bundle / f"{table}.tsv").read_text("utf-8").splitlines()
    changed = MOVES[move](lines)
    if changed == lines:  # two rows: the last before the first
        changed = lines[::-1]
    (bundle / f"{table}.tsv").write_text("\n".join([names, *changed, ""]), "utf-8")
    found = [finding for finding in check(bundle).findings if finding.rule != "files"]
    assert found, "without the manifest's help"
