"""Hashes and signatures: files against the manifest, batches against roots, the log against heads."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from .bundle import HEADS, MANIFEST, SIGNATURE, Batch, Bundle
from .columns import Row
from .findings import Report
from .notes import BadNote, Key, Note, read_key, read_note
from .trees import Tree, leaf_hash

_SIGNED = b"voucher-gateway audit manifest 1\n"


class Sealing:
    """Takes the batches in their order; `finish` compares what only shows at the end."""

    def __init__(self, report: Report, notes: list[tuple[str, Note]]) -> None:
        """`notes`: heads of the bundle and heads kept from earlier, by any size."""
        self._report = report
        self._log = Tree()
        self._previous = bytes(32)
        self._keys: dict[bytes, Key] = {}
        self._notes: dict[int, list[tuple[str, Note]]] = {}
        self._compared: list[tuple[str, Note]] = []
        for name, note in notes:
            self._notes.setdefault(note.size, []).append((name, note))
        self._compare_heads()

    def take(self, batch: Batch) -> None:
        report, row = self._report, batch.row
        report.count("chain")
        report.same("chain", row.where, "number", self._log.size, row["number"])
        report.same("chain", row.where, "previous", self._previous.hex(), row.text("previous"))
        if batch.leaves is not None:
            tree = Tree()
            for leaf in batch.leaves:
                tree.add(leaf)
            report.count("root")
            report.same("root", row.where, "root", tree.root().hex(), row.text("root"))
        self._previous = leaf_hash(b"batch\t" + batch.line)
        self._log.add(self._previous)
        for change in batch.rows["change"]:
            if change.text("kind") == "signer":
                self._add_signer(change)
        self._compare_heads()

    def _add_signer(self, change: Row) -> None:
        try:
            key = read_key(str(change.json("row").get("key")))
        except BadNote as bad:
            self._report.find("shape", change.where, "key", expected="a verifier key", found=str(bad))
        else:
            self._keys[key.key_id] = key

    def _compare_heads(self) -> None:
        for name, note in self._notes.pop(self._log.size, []):
            self._report.count("head")
            self._report.same("head", (name, note.size), "root", self._log.root().hex(), note.root.hex())
            self._compared.append((name, note))

    def _signed(self, name: str, note: Note) -> None:
        self._report.count("signature")
        key = self._keys.get(note.key_id)
        if key is None or not note.signed_by(key):
            found = "an unknown key" if key is None else "a wrong signature"
            self._report.find(
                "signature", (name, note.size), "signature", expected="one of a signer's", found=found
            )

    def finish(
        self, manifest: Mapping[str, object], data: bytes, bundle: Bundle, *, expected_key: str | None
    ) -> None:
        report = self._report
        for notes in self._notes.values():
            for name, note in notes:
                report.find(
                    "head", (name, note.size), "size", expected=f"at most {self._log.size}", found=note.size
                )
        report.same("head", (MANIFEST, "-"), "size", self._log.size, manifest.get("size"))
        report.same("head", (MANIFEST, "-"), "root", self._log.root().hex(), manifest.get("root"))
        for name, note in self._compared:
            self._signed(name, note)
        self._manifest_signed(manifest, data, bundle.small(SIGNATURE), expected_key)
        self._files(manifest, bundle)

    def _manifest_signed(
        self, manifest: Mapping[str, object], data: bytes, line: bytes, expected_key: str | None
    ) -> None:
        report, where = self._report, (SIGNATURE, "-")
        report.count("signature")
        try:
            key = read_key(str(manifest.get("key")))
            if not line.endswith(b"\n"):
                raise BadNote("no line end")
            signature = base64.b64decode(line[:-1], validate=True)
            if base64.b64encode(signature) != line[:-1]:
                raise BadNote("base64 has one form")
        except (BadNote, binascii.Error) as bad:
            report.find("signature", where, "signature", expected="a key and a signature", found=str(bad))
            return
        if key not in self._keys.values():
            report.find(
                "signature", where, "key", expected="a signer of the log", found=str(manifest.get("key"))
            )
        if expected_key is not None:
            report.same("signature", where, "key", expected_key, manifest.get("key"))
        if not key.signed(_SIGNED + data, signature):
            report.find("signature", where, "signature", expected="one of the key", found="a wrong signature")

    def _files(self, manifest: Mapping[str, object], bundle: Bundle) -> None:
        files = manifest.get("files")
        files = files if isinstance(files, dict) else {}
        for name, measured in bundle.measured.items():
            self._report.count("files")
            expected = {"rows": measured.rows, "bytes": measured.bytes, "sha256": measured.sha256}
            self._report.same("files", (MANIFEST, name), "files", expected, files.get(name))
        for name in sorted(set(files) - set(bundle.measured)):
            self._report.find("files", (MANIFEST, name), "files", expected="a file of the bundle", found=name)


def read_heads(bundle: Bundle, report: Report, *, origin: object) -> list[tuple[str, Note]]:
    """The bundle's own heads: of its origin, sizes rising."""
    notes: list[tuple[str, Note]] = []
    for number, text in bundle.heads():
        where = (HEADS, f"line {number}")
        try:
            note = read_note(text)
        except BadNote as bad:
            report.find("shape", where, "(line)", expected="a signed tree head", found=str(bad))
            continue
        report.same("head", where, "origin", origin, note.origin)
        before = notes[-1][1].size if notes else 0
        report.same("head", where, "after_size", before, note.after_size)
        if notes and note.size <= before:
            report.find("head", where, "size", expected=f"more than {before}", found=note.size)
        notes.append((HEADS, note))
    return notes


def last_head_is_whole(report: Report, notes: list[tuple[str, Note]], manifest: Mapping[str, object]) -> None:
    """The last head is of the bundle's size, by the key that signed the manifest."""
    where = (HEADS, "last line")
    if not notes:
        report.find("head", where, "(line)", expected="a signed tree head", found="none")
        return
    last = notes[-1][1]
    report.same("head", where, "size", manifest.get("size"), last.size)
    try:
        key = read_key(str(manifest.get("key")))
    except BadNote:
        return  # a finding of `finish`
    report.same("head", where, "key", key.key_id.hex(), last.key_id.hex())
