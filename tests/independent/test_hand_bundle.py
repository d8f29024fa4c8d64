"""A bundle made by hand from the page alone holds: as a folder and as a zip, whole and of one programme."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.independent.checker import check, main
from tests.independent.findings import RULES
from tests.independent.hand_books import made_by_hand
from tests.independent.hand_bundle import COLUMNS
from tests.independent.hand_seal import KEY, as_json, verifier_key

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_it_holds_against_both_logs(tmp_path: Path) -> None:
    made = made_by_hand()
    vendor_log, client_log = made.write_logs(tmp_path)
    report = check(made.write(tmp_path / "bundle"), vendor_log=vendor_log, client_log=client_log)
    assert report.findings == []
    assert {rule: report.checked[rule] for rule in RULES} == {
        "shape": 160,
        "files": 9,
        "signature": 3,
        "root": 9,
        "chain": 9,
        "head": 2,
        "entry": 22,
        "sub-ledger": 9,
        "step": 13,
        "share": 13,
        "price": 13,
        "reported": 0,
        "directory": 48,
        "balance": 17,
        "funds": 8,
        "vendor": 10,
        "served": 10,
        "told": 9,
        "once": 11,
    }


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = made_by_hand()
    bundle = str(made.write(tmp_path / "bundle"))
    vendor_log, client_log = (str(path) for path in made.write_logs(tmp_path))
    words = [bundle, "--vendor-log", vendor_log, "--client-log", client_log, "--key", verifier_key(KEY)]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 findings"

    posting = made.rows["posting"][20]
    posting["amount_micro"] = str(int(posting["amount_micro"]) + 1)
    made.write(tmp_path / "bundle")
    assert main([*words, "--json"]) == 1
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {finding["micro"] for finding in said["findings"]} == {1, -1}
    assert main(words) == 1
    assert f"entry.tsv {posting['entry_id']}: sum of its postings" in capsys.readouterr().out

    assert main([bundle, "--key", verifier_key(OTHER_KEY)]) == 1
    assert "signature" in capsys.readouterr().out
    assert main([bundle, "--vendor-log", client_log]) == 2
    assert "no line of a vendor's log" in capsys.readouterr().err
    assert main([bundle, "--client-log", vendor_log]) == 2
    assert main([vendor_log]) == 2
    assert main([str(tmp_path / "nothing")]) == 2
    assert main([bundle, "--head", vendor_log]) == 2


def test_as_a_zip(tmp_path: Path) -> None:
    bundle = made_by_hand().write(tmp_path / "bundle")
    packed = tmp_path / "books.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path in bundle.iterdir():
            file.write(path, path.name)
    assert check(packed).findings == []
    with zipfile.ZipFile(packed, "a") as file:
        file.writestr("more.tsv", "")
    (found,) = check(packed).findings
    assert found.table == "more.tsv"


def test_another_key_signs(tmp_path: Path) -> None:
    """All of it, with a key that the log does not name."""
    made = made_by_hand()
    found = check(made.write(tmp_path / "bundle", key=OTHER_KEY)).findings
    assert {finding.rule for finding in found} == {"signature"}


def test_a_head_by_another_signer_than_the_manifest(tmp_path: Path) -> None:
    """The log names both keys; the last head must be the manifest's."""
    made = made_by_hand()
    row = as_json({"key": verifier_key(OTHER_KEY)})
    made.rows["change"].append({"batch": "8", "id": "999", "kind": "signer", "row": row})
    bundle, other = made.write(tmp_path / "bundle"), made.write(tmp_path / "other", key=OTHER_KEY)
    assert check(bundle).findings == check(other).findings == []
    (bundle / "head.jsonl").write_bytes((other / "head.jsonl").read_bytes())
    assert {(finding.rule, finding.field) for finding in check(bundle).findings} == {
        ("files", "files"),
        ("head", "key"),
    }


def test_of_one_programme(tmp_path: Path) -> None:
    """Parked events are withheld; everything else of this house is of one programme."""
    made = made_by_hand()
    assert check(made.write(tmp_path / "bundle", programme="p-2026")).findings == []
    # In a whole bundle nothing may be withheld.
    manifest = tmp_path / "bundle" / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"p-2026"', "null"), "utf-8")
    assert "shape" in {finding.rule for finding in check(tmp_path / "bundle").findings}


def test_a_line_that_is_none_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    for table in COLUMNS:
        bundle = made_by_hand().write(tmp_path / table)
        path = bundle / f"{table}.tsv"
        names, *lines = path.read_bytes().splitlines()
        for line in (b"", b"\xff\xfe", b"\t" * 60, b"9" * 5000, lines[0][:-1], lines[0] + b"\tmore"):
            path.write_bytes(b"\n".join([names, line, *lines[1:], b""]))
            assert check(bundle).findings, (table, line)


@pytest.mark.parametrize("name", ["manifest.json", "head.jsonl", "usage.tsv", "manifest.sig"])
def test_a_file_that_is_missing(name: str, tmp_path: Path) -> None:
    bundle = made_by_hand().write(tmp_path / "bundle")
    (bundle / name).unlink()
    assert main([str(bundle)]) == 2
