"""Heads against the log of a bundle: its own, and those that were handed out earlier. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from billing.audit.bundle_rows import Report
from billing.audit.head import BadHead, TreeHead, VerifierKey


def judge_heads(
    report: Report,
    heads: Sequence[TreeHead],
    known_heads: Sequence[TreeHead],
    signers: Iterable[str],
    roots: Mapping[int, bytes],
) -> None:
    """`signers`: the keys the log names. `roots`: the log's, at the sizes of all these heads."""
    texts = sorted(signers)
    keys = [key for text in texts if (key := _key(text)) is not None]
    if len(keys) != len(texts):
        report.find("change.tsv: a signer is no verifier key")
    if report.manifest.key not in keys:
        report.find("manifest.json: its key is not one the log names as a signer")
    _judge_own(report, heads, keys, roots)
    for head in known_heads:
        _judge_known(report, head, keys, roots)


def _judge_own(
    report: Report, heads: Sequence[TreeHead], keys: Sequence[VerifierKey], roots: Mapping[int, bytes]
) -> None:
    last = 0
    for head in heads:
        if head.size <= last or head.after_size != last:
            report.find(f"head.jsonl: the head of size {head.size} does not follow the one before it")
        last = head.size
        if head.origin != report.manifest.origin or not any(head.is_signed_by(key) for key in keys):
            report.find(f"head.jsonl: the head of size {head.size} is not signed by a key of the log")
        if roots.get(head.size) != head.root:
            report.find(f"head.jsonl: the bundle's first {head.size} batches do not have the head's root")
    if last != report.manifest.size:
        report.find("head.jsonl: no head is over the whole bundle")
    elif not heads[-1].is_signed_by(report.manifest.key):
        report.find("head.jsonl: the last head is signed by another key than the manifest")


def _judge_known(
    report: Report, head: TreeHead, keys: Sequence[VerifierKey], roots: Mapping[int, bytes]
) -> None:
    if head.origin != report.manifest.origin:
        report.find(f"the head handed in is of another log, {head.origin}")
    elif not any(head.is_signed_by(key) for key in keys):
        report.find(f"the head handed in, of size {head.size}, is not signed by a key of the bundle's log")
    if head.size > report.manifest.size:
        report.find(f"the bundle ends at batch {report.manifest.size - 1}; the head handed in goes further")
    elif roots.get(head.size) != head.root:
        report.find(f"history was rewritten: the first {head.size} batches do not have the root of the head")


def _key(text: str) -> VerifierKey | None:
    try:
        return VerifierKey.read(text)
    except BadHead:
        return None
