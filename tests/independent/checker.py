"""An audit of the books from outside: `python -m tests.independent.checker BUNDLE`.

It shares no code with the program whose books it checks: it was written from docs/reference/audit-bundle.md,
and needs nothing but Python and this folder, which can be taken elsewhere and run as
`python -m independent.checker`. It rebuilds every balance, share and root from the records of an export, and
compares what was charged with what the vendor counted and with what the clients saw.
Exit codes: 0 no finding, 1 findings, 2 this cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .books import Books
from .bundle import Bundle, Unreadable
from .closing import check_balances, check_declared, check_funds
from .directory import Directory
from .findings import RULES, Report
from .logs import BadLog, read_client_log, read_vendor_log
from .notes import BadNote, Note, read_note
from .outside import check_clients, check_vendor
from .sealing import Sealing, last_head_is_whole, read_heads

SHOWN_MAX = 100


def check(
    path: Path,
    *,
    vendor_log: Path | None = None,
    client_log: Path | None = None,
    heads: Sequence[Path] = (),
    key: str | None = None,
) -> Report:
    """Raises Unreadable or BadLog where there is nothing to check."""
    report = Report()
    served = None if vendor_log is None else read_vendor_log(vendor_log)
    clients = None if client_log is None else read_client_log(client_log)
    kept = [(str(head), _kept_head(head)) for head in heads]
    with Bundle(path, report) as bundle:
        data, manifest = bundle.manifest()
        notes = read_heads(bundle, report, origin=manifest.get("origin"))
        last_head_is_whole(report, notes, manifest)
        sealing = Sealing(report, notes + kept)
        books = Books(report, Directory(report))
        for batch in bundle.batches():
            sealing.take(batch)
            books.take(batch)
        books.finish()
        check_balances(report, books, bundle.derived("balance"))
        check_funds(report, books, bundle.derived("funds"))
        check_declared(report, books)
        sealing.finish(manifest, data, bundle, expected_key=key)
    if served is not None:
        check_vendor(report, books, served)
    if clients is not None:
        check_clients(report, books, clients)
    return report


def _kept_head(path: Path) -> Note:
    try:
        return read_note(path.read_text("utf-8"))
    except (OSError, ValueError, BadNote) as error:
        raise Unreadable(f"{path} is no tree head: {error}") from None


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.independent.checker", description=__doc__)
    parser.add_argument(
        "bundle", type=Path, help="what `voucher-gateway export` wrote: a zip file or a directory"
    )
    parser.add_argument("--vendor-log", type=Path, metavar="FILE", help="what the vendor counted")
    parser.add_argument("--client-log", type=Path, metavar="FILE", help="what the clients saw")
    parser.add_argument(
        "--head", type=Path, metavar="FILE", action="append", default=[], help="a tree head kept from earlier"
    )
    parser.add_argument("--key", metavar="KEY", help="the verifier key that must have signed")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    given = parser.parse_args(words)
    try:
        report = check(
            given.bundle,
            vendor_log=given.vendor_log,
            client_log=given.client_log,
            heads=given.head,
            key=given.key,
        )
    except (Unreadable, BadLog) as error:
        print(error, file=sys.stderr)
        return 2
    print(_as_json(report) if given.json else _as_text(report))
    return 1 if report.findings else 0


def _as_text(report: Report) -> str:
    wrong = Counter(finding.rule for finding in report.findings)
    lines = [f"{'rule':<11} {'checked':>9} {'findings':>9}"]
    lines += [
        f"{rule:<11} {report.checked[rule]:>9} {wrong[rule]:>9}  {what}" for rule, what in RULES.items()
    ]
    lines += ["", *(f"{number:>21}  {what}" for what, number in report.notes.items())]
    lines += ["", *(str(finding) for finding in report.findings[:SHOWN_MAX])]
    if len(report.findings) > SHOWN_MAX:
        lines.append(f"… and {len(report.findings) - SHOWN_MAX} more (--json shows all)")
    lines.append(f"{len(report.findings)} findings")
    return "\n".join(lines)


def _as_json(report: Report) -> str:
    checked = {rule: report.checked[rule] for rule in RULES}
    findings = [asdict(finding) for finding in report.findings]
    return json.dumps({"checked": checked, "notes": report.notes, "findings": findings}, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
