"""Merkle trees as RFC 9162, section 2.1, has them: hashes, roots, and the two kinds of proof. Pure.

A tree's perfect subtrees are its nodes: (level, place) covers 1 << level leaves, from place << level on. A
finished node never changes while the tree grows, so nodes are stored, and any root or proof is put together
from a few of them (`cover` says which).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

EMPTY_ROOT: Final = sha256().digest()
HASH_BYTES: Final = 32

Node = tuple[int, int]  # level, place
Lookup = Callable[[Node], bytes]


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes. One pass per level: what has no sibling moves up as it is."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        odd = level.pop() if len(level) % 2 else None
        pairs = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
        if odd is not None:
            level.append(odd)
    return level[0]


class Tree:
    """A growing tree, of which only the right edge is kept: its perfect subtrees' roots, largest first."""

    __slots__ = ("edge", "size")

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        self.size = size
        self.edge = list(edge)
        if len(self.edge) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees at its edge")

    def add(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Append a leaf hash. -> the nodes this finished, the leaf's own first."""
        place, level = self.size, 0
        finished = [((0, place), leaf)]
        while place & 1:
            leaf = node_hash(self.edge.pop(), leaf)
            place, level = place >> 1, level + 1
            finished.append(((level, place), leaf))
        self.edge.append(leaf)
        self.size += 1
        return finished

    def root(self) -> bytes:
        if not self.edge:
            return EMPTY_ROOT
        root = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root


def cover(start: int, end: int) -> list[Node]:
    """The nodes over the leaves from `start` to before `end`, as a proof's recursion meets them."""
    if start >= end:
        return []
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return [(level, start >> level)]
    middle = start + _split(count)
    return cover(start, middle) + cover(middle, end)


def root_between(start: int, end: int, node: Lookup) -> bytes:
    """The root over a range that a proof names. Raises what `node` raises for one it does not have."""
    nodes = cover(start, end)
    if not nodes:
        return EMPTY_ROOT
    root = node(nodes[-1])
    for left in reversed(nodes[:-1]):
        root = node_hash(node(left), root)
    return root


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """PATH(index, D[size]) of RFC 9162, section 2.1.3.1: the leaf ranges whose roots are the proof."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, size: int) -> list[tuple[int, int]]:
    """PROOF(old_size, D[size]) of RFC 9162, section 2.1.4.1, as leaf ranges."""
    if not 0 < old_size <= size:
        raise ValueError(f"no proof leads from {old_size} to {size} leaves")
    ranges: list[tuple[int, int]] = []
    start, end, known = 0, size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, known = middle, False
    if not known:
        ranges.append((start, end))
    return ranges[::-1]


def proof(ranges: Sequence[tuple[int, int]], node: Lookup) -> list[bytes]:
    return [root_between(start, end, node) for start, end in ranges]


def is_included(leaf: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    found = leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(*, old_size: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2: whether the tree of `size` begins with that of `old_size`."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not path and old_root == root
    steps = list(path)
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_found = found = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_found, found = node_hash(step, old_found), node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and old_found == old_root and found == root


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)
