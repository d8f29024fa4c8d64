"""Rows that disagree with each other, and manifests and heads that disagree with the log: each is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.independent.checker import check
from tests.independent.findings import Finding
from tests.independent.hand_books import made_by_hand
from tests.independent.hand_bundle import Cells, HandBundle, findings_of
from tests.independent.hand_seal import as_json

Change = Callable[[HandBundle], object]


def usage(**cells: str) -> Change:
    """Another value in the row of op-7."""
    return lambda made: made.row("usage", op="op-7").update(cells)


def of_an_entry(number: int, **cells: str) -> Change:
    """Another value in the head of an entry."""
    return lambda made: made.row("entry", id=number).update(cells)


def without(kind: str, **values: object) -> Change:
    """Never declared."""
    return lambda made: made.rows["change"].remove(made.changes(kind, **values)[-1][0])


def changed(kind: str, **values: object) -> Change:
    """One more change of the latest thing of its kind, at the end of the log."""

    def change(made: HandBundle) -> None:
        _, value = made.changes(kind)[-1]
        add_change(made, kind, {**value, **values})

    return change


def add_change(made: HandBundle, kind: str, row: dict[str, object]) -> None:
    made.rows["change"].append({"batch": "8", "id": "999", "kind": kind, "row": as_json(row)})


def booked_under_a_loan(made: HandBundle) -> None:
    made.row("usage", op="op-7").update(entry_id="210", batch="8")


def of_another_voucher(made: HandBundle) -> None:
    made.row("entry", id=made.row("usage", op="op-7")["entry_id"]).update(voucher_id="B")


def of_another_company(made: HandBundle) -> None:
    made.clients[0]["company"] = "beta"


# What is changed before all is sealed anew; rule and field of a finding.
DISAGREEMENTS: Final[dict[str, tuple[Change, str, str]]] = {
    "a provider that has not this product": (usage(provider_id="hanbit"), "directory", "provider_id"),
    "another company's key": (usage(key_id="beta/backend"), "directory", "key_id"),
    "another product's price": (
        usage(price_entry="nuri-embed@2026-01-01T00:00:00+09:00"),
        "directory",
        "price_entry",
    ),
    "a price that is not": (usage(price_entry="nuri-x1@2025"), "directory", "price_entry"),
    "a price from another day": (usage(price_from="2026-01-02T00:00:00+09:00"), "directory", "price_from"),
    "a call before its price": (usage(held_at_ms="1"), "directory", "price_entry"),
    "a call after the voucher's end": (usage(held_at_ms="9" * 15), "directory", "held_at_ms"),
    "a voucher without funds": (usage(voucher_id="C"), "directory", "voucher_id"),
    "an edited price": (changed("price", input=1), "directory", "input"),
    "funds of another lane": (changed("funds", lane=1), "directory", "lane"),
    "a voucher that was never booked": (
        changed("voucher", self_micro=1),
        "directory",
        "share_ppm, government_micro, self_micro",
    ),
    "a change of nothing known": (lambda made: add_change(made, "gift", {}), "shape", "kind"),
    "a change without its key": (lambda made: add_change(made, "funds", {}), "shape", "row"),
    "a price below zero": (changed("price", input=-1), "shape", "input"),
    "a price with a fraction": (changed("price", input="1.5"), "shape", "input"),
    "a signer without a key": (lambda made: add_change(made, "signer", {"key": "x"}), "shape", "key"),
    "a call booked under a loan": (booked_under_a_loan, "sub-ledger", "entry_id"),
    "an entry of another programme": (of_an_entry(7, programme_id="p-2025"), "entry", "programme_id"),
    "a provider who is paid a loan": (of_an_entry(7, provider_id="nuri"), "entry", "provider_id"),
    "a grant for an epoch": (of_an_entry(1, n="1"), "entry", "n"),
    "a loan for no epoch": (of_an_entry(4, n=r"\N"), "entry", "n"),
    "a product of nobody": (without("provider", id="hanbit"), "directory", "provider_id"),
    "funds of no programme": (without("programme"), "directory", "programme_id"),
    "an entry of another voucher": (of_another_voucher, "sub-ledger", "voucher_id"),
    "a client of another company": (of_another_company, "told", "company_id"),
}


@pytest.mark.parametrize("name", DISAGREEMENTS)
def test_rows_that_disagree(name: str, tmp_path: Path) -> None:
    change, rule, column = DISAGREEMENTS[name]
    made = made_by_hand()
    change(made)
    assert (rule, column) in {(finding.rule, finding.field) for finding in findings_of(made, tmp_path)}


# -- manifest and heads

Edit = Callable[[str], str]


def heads(edit: Callable[[list[str]], list[str]]) -> Edit:
    """The notes of head.jsonl as texts."""

    def changed_text(text: str) -> str:
        notes = [json.loads(line) for line in text.splitlines()]
        return "".join(json.dumps(note) + "\n" for note in edit(notes))

    return changed_text


EDITS: Final[dict[str, tuple[str, Edit, str, str]]] = {
    "no head": ("head.jsonl", lambda text: "", "head", "(line)"),
    "a head that is no text": ("head.jsonl", lambda text: "{}\n" + text, "shape", "(line)"),
    "a head that is none": ("head.jsonl", heads(lambda notes: ["x", *notes]), "shape", "(line)"),
    "no line end": ("head.jsonl", lambda text: text[:-1], "shape", "(line)"),
    "the last head is missing": ("head.jsonl", heads(lambda notes: notes[:1]), "head", "size"),
    "the first head is missing": ("head.jsonl", heads(lambda notes: notes[1:]), "head", "after_size"),
    "heads in another order": ("head.jsonl", heads(lambda notes: notes[::-1]), "head", "size"),
    "a head of another log": (
        "head.jsonl",
        heads(lambda notes: [note.replace("7f0c11d2\n", "7f0c11d3\n") for note in notes]),
        "head",
        "origin",
    ),
    "a head by another key": (
        "manifest.json",
        lambda text: text.replace("voucher-gateway/7f0c11d2+", "voucher-gateway/7f0c11d2+0"),
        "signature",
        "signature",
    ),
    "a manifest of another size": (
        "manifest.json",
        lambda text: text.replace('"size": 9', '"size": 8'),
        "head",
        "size",
    ),
    "a file more in the manifest": (
        "manifest.json",
        lambda text: text.replace('"files": {', '"files": {"more.tsv": {}, '),
        "files",
        "files",
    ),
    "a signature without a line end": ("manifest.sig", str.strip, "signature", "signature"),
    "no signature": ("manifest.sig", lambda text: "?\n", "signature", "signature"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_manifest_or_head_that_disagrees(name: str, tmp_path: Path) -> None:
    file, edit, rule, column = EDITS[name]
    path = made_by_hand().write(tmp_path / "bundle") / file
    before = path.read_text("utf-8")
    path.write_text(edit(before), "utf-8")
    assert path.read_text("utf-8") != before
    found: list[Finding] = check(tmp_path / "bundle").findings
    assert (rule, column) in {(finding.rule, finding.field) for finding in found}


# -- a voucher's end


def move(made: HandBundle, entry_id: int, kind: str, amounts: dict[str, int]) -> None:
    """One more entry of voucher B at the end of the log, with balances that follow."""
    entry = {"batch": "8", "id": str(entry_id), "kind": kind, "programme_id": "p-2026", "voucher_id": "B"}
    made.rows["entry"].append({**entry, "provider_id": r"\N", "lane": r"\N", "n": r"\N"})
    balances: dict[str, Cells] = {row["account"]: row for row in made.rows["balance"]}
    for leg, (name, amount) in enumerate(amounts.items()):
        account = f"voucher/B/{name}"
        posting = {"batch": "8", "entry_id": str(entry_id), "leg": str(leg), "account": account}
        made.rows["posting"].append({**posting, "amount_micro": str(amount)})
        row = balances.setdefault(account, {"account": account, "balance_micro": "0"})
        row["balance_micro"] = str(int(row["balance_micro"]) + amount)
    made.rows["balance"] = [balances[account] for account in sorted(balances, key=str.encode)]


def test_what_is_left_expires(tmp_path: Path) -> None:
    made = made_by_hand()
    move(made, 300, "expiry", {"self": -2, "expired": 2})
    made.row("funds", voucher_id="B").update(expired_self_micro="2")
    assert findings_of(made, tmp_path) == []
    # Afterwards five micro-won are made of nothing: further than grant and deposit reach.
    move(made, 301, "capacity", {"line": -5, "free": 5})
    made.row("funds", voucher_id="B").update(capacity_micro="10000006", free_micro="5")
    (found,) = findings_of(made, tmp_path)
    assert (found.rule, found.micro) == ("funds", 5)
