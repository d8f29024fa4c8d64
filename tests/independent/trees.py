"""The hash trees of RFC 9162, section 2.1, grown leaf by leaf: only one hash per size of subtree is kept."""

from __future__ import annotations

import hashlib


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


class Tree:
    """`add` leaf hashes, ask for the `root` at any size."""

    def __init__(self) -> None:
        self.size = 0
        self._whole: list[bytes] = []  # roots of the perfect subtrees, the largest first

    def add(self, leaf: bytes) -> None:
        size = self.size
        while size & 1:
            leaf = _node(self._whole.pop(), leaf)
            size >>= 1
        self._whole.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self._whole:
            return hashlib.sha256().digest()
        *others, root = self._whole
        for left in reversed(others):
            root = _node(left, root)
        return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
