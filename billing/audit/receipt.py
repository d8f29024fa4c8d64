"""A receipt: one call's steps, with the proof that they are in the log a head was signed over. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from billing.audit.head import BadHead, TreeHead, VerifierKey
from billing.audit.leaf import RECORD_TABLES, USAGE_COLUMNS
from billing.audit.merkle import is_included
from billing.audit.values import unescaped, whole

FORMAT: Final = "voucher-gateway receipt"
VERSION: Final = 1
STEPS_MAX: Final = 1000


class NotAReceipt(Exception):
    """The text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Step:
    """`record` and `batch` are leaf data; the paths lead from them to the batch's root and to the head's."""

    record: str
    index: int
    size: int
    path: Sequence[bytes]
    batch: str
    log_path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Receipt:
    usage_id: str
    steps: Sequence[Step]
    head: str
    key: str

    def to_json(self) -> str:
        steps = [
            {
                "record": step.record,
                "index": step.index,
                "size": step.size,
                "path": [node.hex() for node in step.path],
                "batch": step.batch,
                "log_path": [node.hex() for node in step.log_path],
            }
            for step in self.steps
        ]
        told = {"format": FORMAT, "version": VERSION, "usage_id": self.usage_id, "steps": steps}
        return json.dumps(told | {"head": self.head, "key": self.key}, ensure_ascii=False, indent=1)

    @classmethod
    def read(cls, data: bytes) -> Receipt:
        """Raises NotAReceipt."""
        try:
            told: dict[str, Any] = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise NotAReceipt("it is not written in JSON") from error
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise NotAReceipt(f"its format is not {FORMAT!r}")
        if told.get("version") != VERSION:
            raise NotAReceipt(f"it is of version {told.get('version')!r}, this program reads {VERSION}")
        try:
            steps = [
                Step(
                    record=str(step["record"]),
                    index=int(step["index"]),
                    size=int(step["size"]),
                    path=[bytes.fromhex(node) for node in step["path"]],
                    batch=str(step["batch"]),
                    log_path=[bytes.fromhex(node) for node in step["log_path"]],
                )
                for step in told["steps"][:STEPS_MAX]
            ]
            return cls(str(told["usage_id"]), steps, str(told["head"]), str(told["key"]))
        except KeyError as error:
            raise NotAReceipt(f"it has no {error.args[0]!r}") from error
        except (ValueError, TypeError) as error:
            raise NotAReceipt("a value in it is not what it should be") from error


def verify_receipt(
    receipt: Receipt,
    *,
    known_heads: Sequence[TreeHead] = (),
    expected_key: VerifierKey | None = None,
) -> list[str]:
    """What is wrong with it; nothing where it holds. A known head of the same size must be the receipt's."""
    findings = []
    try:
        key, head = VerifierKey.read(receipt.key), TreeHead.read(receipt.head)
    except BadHead as error:
        return [str(error)]
    if not head.is_signed_by(key) or head.origin != key.name:
        findings.append("the head is not signed by the receipt's key")
    if expected_key is not None and key != expected_key:
        findings.append(f"the head is signed by {key}, not by the key expected")
    for known in known_heads:
        if not known.is_signed_by(key):
            findings.append(f"the head handed in, of size {known.size}, is not signed by the receipt's key")
        elif known.size == head.size and known.root != head.root:
            findings.append(f"two heads of size {head.size} have different roots: history was rewritten")
    if not receipt.steps:
        findings.append("it has no step")
    for number, step in enumerate(receipt.steps):
        findings += [f"step {number}: {wrong}" for wrong in _judge(receipt, step, number, head)]
    return findings


def _judge(receipt: Receipt, step: Step, number: int, head: TreeHead) -> list[str]:
    try:
        table, op, its_number, *rest = step.record.split("\t")
        name, batch_number, root, *counts = step.batch.split("\t")
        right = (
            (table, unescaped(op), whole(its_number), len(rest) + 2)
            == ("usage", receipt.usage_id, number, len(USAGE_COLUMNS))
            and (name, len(counts)) == ("batch", len(RECORD_TABLES) + 2)
            and sum(map(whole, counts[: len(RECORD_TABLES)])) == step.size
        )
        batch_place, batch_root = whole(batch_number), bytes.fromhex(root)
    except ValueError:
        right = False
    if not right:
        return ["it is not this step of this call"]
    findings = []
    leaf = sha256(b"\x00" + step.record.encode()).digest()
    if not is_included(leaf, index=step.index, size=step.size, path=step.path, root=batch_root):
        findings.append("the record is not in its batch")
    leaf = sha256(b"\x00" + step.batch.encode()).digest()
    if not is_included(leaf, index=batch_place, size=head.size, path=step.log_path, root=head.root):
        findings.append("the batch is not in the log of the head")
    return findings
