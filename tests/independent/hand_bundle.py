"""A bundle made by hand from docs/reference/audit-bundle.md and `hand_figures`, to be changed and sealed.

`write` seals the rows as they are, as somebody could who holds the signing key: a test that has changed a row
leaves nothing for hashes to find. The hashing here follows the page's definition word by word; signatures are
those of `cryptography`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.independent.checker import check
from tests.independent.findings import Finding
from tests.independent.hand_figures import AT_MS
from tests.independent.hand_seal import (
    HEAD_SIZES,
    KEY,
    ORIGIN,
    joined,
    signed_head,
    tree_root,
    verifier_key,
    withheld,
)

LEAVES: Final = ("change", "entry", "posting", "usage", "parked")
Cells = dict[str, str]

COLUMNS: Final = {
    "batch": "number root change entry posting usage parked at_ms previous",
    "usage": "batch op step entry_id lane n kind voucher_id programme_id charge_micro government_micro"
    " self_micro own_micro uncollected_micro from_loan_micro from_free_micro d_charge_micro"
    " d_government_micro d_self_micro d_uncollected_micro d_from_loan_micro d_from_free_micro company_id"
    " provider_id product_id key_id api_key tag request_id gateway_id dialect stream status end_reason"
    " client_gone estimated error started_ms held_at_ms finished_ms price_entry price_from upstream"
    " upstream_request_id input_tokens cached_input_tokens cache_write_tokens cache_write_1h_tokens"
    " output_tokens reasoning_tokens input_audio_tokens output_audio_tokens units",
    "entry": "batch id kind programme_id voucher_id provider_id lane n",
    "posting": "batch entry_id leg account amount_micro",
    "parked": "batch lane stream_id kind op reason payload_sha256",
    "change": "batch id kind row",
    "balance": "account balance_micro",
    "funds": "voucher_id company_id programme_id share_ppm government_micro self_micro capacity_micro"
    " free_micro charged_micro direct_micro expired_government_micro expired_self_micro",
}


@dataclass
class HandBundle:
    """`rows` by table, as text; change them, then `write`."""

    rows: dict[str, list[Cells]] = field(default_factory=dict)
    vendor: list[dict[str, Any]] = field(default_factory=list)
    clients: list[dict[str, Any]] = field(default_factory=list)
    batches: int = 9
    batch_says: dict[tuple[int, str], str] = field(default_factory=dict)  # what batch.tsv says wrongly

    def row(self, table: str, **cells: object) -> Cells:
        """The one row with these values."""
        (found,) = (
            row for row in self.rows[table] if all(row[name] == str(value) for name, value in cells.items())
        )
        return found

    def changes(self, kind: str, **values: object) -> list[tuple[Cells, dict[str, Any]]]:
        """Each change of a thing and its JSON, the latest last; put that back as `row`."""
        found = [
            (row, json.loads(row["row"].replace("\\\\", "\\")))
            for row in self.rows["change"]
            if row["kind"] == kind
        ]
        return [(row, value) for row, value in found if values.items() <= value.items()]

    def write(self, folder: Path, *, key: Ed25519PrivateKey = KEY, programme: str | None = None) -> Path:
        """`programme`: parked events are withheld, as all else here is of one programme."""
        folder.mkdir(parents=True, exist_ok=True)
        self._number_batches()
        lines = {
            table: ["\t".join(row[name] for name in COLUMNS[table].split()) for row in self.rows[table]]
            for table in COLUMNS
        }
        whole = len(lines["batch"])
        if programme is not None:
            lines["parked"] = [withheld(line) for line in lines["parked"]]
        roots = {
            size: tree_root([b"batch\t" + line.encode() for line in lines["batch"][:size]])
            for size in {*HEAD_SIZES, whole}
        }
        heads = [signed_head(size, roots[size], key) for size in HEAD_SIZES if size <= whole]
        files = {
            f"{table}.tsv": "\t".join(COLUMNS[table].split()) + "\n" + joined(lines[table])
            for table in COLUMNS
        }
        files["head.jsonl"] = joined([json.dumps(head, ensure_ascii=False) for head in heads])
        head = {"origin": ORIGIN, "size": whole, "root": roots[whole].hex(), "programme": programme}
        manifest = {**head, "key": verifier_key(key), "files": _measured(files)}
        manifest |= {"format": "voucher-gateway audit bundle", "version": 1, "made_at_ms": AT_MS + 9}
        files["manifest.json"] = json.dumps(manifest, ensure_ascii=False)
        signature = key.sign(b"voucher-gateway audit manifest 1\n" + files["manifest.json"].encode())
        files["manifest.sig"] = base64.b64encode(signature).decode() + "\n"
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
        return folder

    def write_logs(self, folder: Path) -> tuple[Path, Path]:
        """The vendor's and the clients' log."""
        folder.mkdir(parents=True, exist_ok=True)
        vendor_log, client_log = folder / "vendor.jsonl", folder / "clients.jsonl"
        vendor_log.write_text(joined([json.dumps(line) for line in self.vendor]))
        client_log.write_text(joined([json.dumps(line) for line in self.clients]))
        return vendor_log, client_log

    def _number_batches(self) -> None:
        self.rows["batch"] = []
        previous = bytes(32).hex()
        for number in range(self.batches):
            leaves, counts = [], {}
            for table in LEAVES:
                rows = [row for row in self.rows[table] if row["batch"] == str(number)]
                columns = COLUMNS[table].split()[1:]
                leaves += [("\t".join([table, *(row[name] for name in columns)])).encode() for row in rows]
                counts[table] = str(len(rows))
            at_ms = str(AT_MS + 1000 * number)
            batch = {
                "number": str(number),
                "root": tree_root(leaves).hex(),
                **counts,
                "at_ms": at_ms,
                "previous": previous,
            }
            batch |= {column: text for (of, column), text in self.batch_says.items() if of == number}
            self.rows["batch"].append(batch)
            line = "\t".join(batch[name] for name in COLUMNS["batch"].split())
            previous = hashlib.sha256(b"\x00batch\t" + line.encode()).hexdigest()


def _measured(files: Mapping[str, str]) -> dict[str, object]:
    return {
        name: {
            "rows": text.count("\n") - name.endswith(".tsv"),
            "bytes": len(text.encode()),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        for name, text in files.items()
    }


def findings_of(made: HandBundle, folder: Path, *, head: Path | None = None) -> list[Finding]:
    vendor_log, client_log = made.write_logs(folder)
    return check(
        made.write(folder / "bundle"),
        vendor_log=vendor_log,
        client_log=client_log,
        heads=[] if head is None else [head],
    ).findings
