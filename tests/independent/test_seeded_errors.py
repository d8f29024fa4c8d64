"""One micro-won, or one token, wrong in one row: found in every table and column, whoever did it.

a stranger   changes a file and nothing else: files and roots do not fit
an insider   holds the signing key and seals everything anew: the arithmetic and the two logs find it
what neither shows   (a limit nobody reached, a price no call has paid) only a head kept from before shows
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.independent.checker import check
from tests.independent.hand_books import made_by_hand
from tests.independent.hand_bundle import COLUMNS, Cells, HandBundle, findings_of
from tests.independent.hand_seal import as_json

SEALS: Final = {"files", "signature", "root", "chain", "head"}
OF_BATCH: Final = ("change", "entry", "posting", "usage", "parked")
TOKENS: Final = tuple(name for name in COLUMNS["usage"].split() if name.endswith("_tokens"))
MONEY: Final = {
    table: tuple(name for name in columns.split() if name.endswith(("_micro", "_ppm")))
    for table, columns in COLUMNS.items()
}
# Rows whose counts no amount rests on and the vendor's log does not tell: a checkpoint's, an estimate's (of
# which the price tells all but the reasoning), a released call's.
UNTOLD: Final = {("op-6", "0"), ("op-9", "0")}


def one_more(row: Cells, column: str) -> None:
    row[column] = str(int(row[column]) + 1)


def numbers() -> Iterator[tuple[str, str]]:
    for table, columns in MONEY.items():
        yield from ((table, column) for column in columns)
    yield from (("usage", column) for column in TOKENS)


def rows_to_seed(made: HandBundle, table: str, column: str) -> list[Cells]:
    rows = made.rows[table]
    if column in TOKENS:
        rows = [row for row in rows if (row["op"], row["step"]) not in UNTOLD]
    if column == "reasoning_tokens":
        rows = [row for row in rows if row["estimated"] == "f"]
    return rows


@pytest.mark.parametrize(("table", "column"), list(numbers()))
def test_an_insider_is_found_in_every_row(table: str, column: str, tmp_path: Path) -> None:
    for index in range(len(rows_to_seed(made_by_hand(), table, column))):
        made = made_by_hand()
        row = rows_to_seed(made, table, column)[index]
        one_more(row, column)
        found = findings_of(made, tmp_path)
        assert found, row
        assert {finding.rule for finding in found} & SEALS == set()
        if column.endswith("_micro"):
            assert 1 in {abs(finding.micro) for finding in found if finding.micro is not None}


@pytest.mark.parametrize(("table", "column"), list(numbers()))
def test_a_stranger_is_found(table: str, column: str, tmp_path: Path) -> None:
    """The row in the middle of the file; also where an account or a voucher has many."""
    made = made_by_hand()
    bundle = made.write(tmp_path / "bundle")
    lines = (bundle / f"{table}.tsv").read_text("utf-8").split("\n")
    middle = len(made.rows[table]) // 2 + 1
    cells = dict(zip(COLUMNS[table].split(), lines[middle].split("\t"), strict=True))
    one_more(cells, column)
    lines[middle] = "\t".join(cells.values())
    (bundle / f"{table}.tsv").write_text("\n".join(lines), "utf-8")
    rules = {finding.rule for finding in check(bundle).findings}
    assert {"files", *(["root"] if table in OF_BATCH else [])} <= rules


@pytest.mark.parametrize("table", OF_BATCH)
@pytest.mark.parametrize("number", [3, 5])
def test_a_batch_that_counts_one_more(table: str, number: int, tmp_path: Path) -> None:
    made = made_by_hand()
    made.write(tmp_path / "bundle")
    made.batch_says[number, table] = str(int(made.row("batch", number=number)[table]) + 1)
    (found,) = findings_of(made, tmp_path)
    assert (found.table, found.row, found.field) == ("batch.tsv", str(number), table)


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [("previous", "ab" * 32, "chain"), ("number", "6", "chain"), ("root", "ab" * 32, "root")],
)
def test_a_batch_that_names_another(column: str, text: str, rule: str, tmp_path: Path) -> None:
    """The log's tree and its heads are over the line as it stands."""
    made = made_by_hand()
    made.batch_says[5, column] = text
    assert rule in {finding.rule for finding in findings_of(made, tmp_path)}


@pytest.mark.parametrize("unit", ["images", "seconds", "characters", "searches"])
def test_a_unit_more(unit: str, tmp_path: Path) -> None:
    made = made_by_hand()
    row = made.row("usage", op="op-5")
    units = json.loads(row["units"])
    units[unit] += 1
    row["units"] = json.dumps(units)
    assert [finding.rule for finding in findings_of(made, tmp_path)] == ["price"]


# kind, which, column: every number of the directory on which money of these books rests
DIRECTORY: Final = [
    *(
        ("price", {"product_id": "nuri-x1"}, name)
        for name in ("input", "cached_input", "cache_write", "cache_write_1h", "output")
    ),
    *(("price", {"product_id": "nuri-x1"}, name) for name in ("input_audio", "output_audio")),
    *(
        ("price", {"product_id": "hanbit-img"}, name)
        for name in ("per_request", "per_image", "per_second", "per_1000_characters", "per_search")
    ),
    *(("programme_share", {"class_name": name}, "share_ppm") for name in ("sme", "startup")),
    *(
        (kind, {of: voucher_id}, column)
        for kind, of in (("voucher", "id"), ("funds", "voucher_id"))
        for voucher_id in ("A", "B")
        for column in ("share_ppm", "government_micro", "self_micro")
    ),
    ("funds", {"voucher_id": "A"}, "lane"),
]


@pytest.mark.parametrize(("kind", "which", "column"), DIRECTORY)
@pytest.mark.parametrize("earlier", [False, True], ids=["in force", "superseded"])
def test_a_directory_that_says_one_more(
    kind: str, which: dict[str, str], column: str, earlier: bool, tmp_path: Path
) -> None:
    made = made_by_hand()
    row, value = made.changes(kind, **which)[0 if earlier else -1]
    row["row"] = as_json({**value, column: value[column] + 1})
    found = findings_of(made, tmp_path)
    assert found
    assert {finding.rule for finding in found} & SEALS == set()


@pytest.mark.parametrize(
    ("kind", "which", "column"),
    [
        ("programme", {"id": "p-2026"}, "budget_micro"),
        ("programme", {"id": "p-2026"}, "max_voucher_micro"),
        ("programme_share", {"class_name": "midsize"}, "share_ppm"),
        ("price", {"product_id": "nuri-embed"}, "input"),
        ("price", {"product_id": "nuri-x1"}, "per_image"),
    ],
)
def test_on_what_no_money_rests_only_a_kept_head_tells(
    kind: str, which: dict[str, str], column: str, tmp_path: Path
) -> None:
    """A millionth of a won more per million tokens moves no charge of ten tokens; nor does a higher limit."""
    head = tmp_path / "head"
    made = made_by_hand()
    made.write(tmp_path / "before")
    head.write_text(json.loads((tmp_path / "before" / "head.jsonl").read_text("utf-8").splitlines()[0]))
    assert findings_of(made, tmp_path, head=head) == []
    row, value = made.changes(kind, **which)[-1]
    row["row"] = as_json({**value, column: value[column] + 1})
    assert findings_of(made, tmp_path) == []
    (found,) = findings_of(made, tmp_path, head=head)
    assert (found.rule, found.table, found.row) == ("head", str(head), "4")


def test_a_limit_below_what_was_granted(tmp_path: Path) -> None:
    for column, granted in (("budget_micro", 750_009_007_500), ("max_voucher_micro", 750_000_007_500)):
        made = made_by_hand()
        row, value = made.changes("programme")[-1]
        row["row"] = as_json({**value, column: granted})
        assert findings_of(made, tmp_path) == []
        row["row"] = as_json({**value, column: granted - 1})
        (found,) = findings_of(made, tmp_path)
        assert found.micro == 1


# -- the logs


VENDOR: Final = [
    (None, "prompt_tokens"),
    (None, "completion_tokens"),
    ("prompt_tokens_details", "cached_tokens"),
    ("prompt_tokens_details", "audio_tokens"),
    ("completion_tokens_details", "reasoning_tokens"),
    ("completion_tokens_details", "audio_tokens"),
]


@pytest.mark.parametrize(("part", "name"), VENDOR)
@pytest.mark.parametrize("op", ["op-1", "op-4", "op-6", "op-8"])
def test_the_vendor_counted_one_more(op: str, part: str | None, name: str, tmp_path: Path) -> None:
    made = made_by_hand()
    (line,) = (line for line in made.vendor if line["call_id"] == f"v-{op}")
    usage = line["usage"]
    counts = usage if part is None else usage[part]
    counts[name] += 1
    assert {finding.rule for finding in findings_of(made, tmp_path)} == {"vendor"}


def test_a_client_was_told_one_more(tmp_path: Path) -> None:
    for index, line in enumerate(made_by_hand().clients):
        if line.get("charge_micro") is not None:
            made = made_by_hand()
            made.clients[index]["charge_micro"] += 1
            (found,) = findings_of(made, tmp_path)
            assert (found.rule, found.micro) == ("told", -1)
