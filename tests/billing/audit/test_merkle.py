"""Trees and proofs against published vectors, the RFC's own example, and the definition itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.audit import merkle
from billing.audit.merkle import Tree, leaf_hash, node_hash, root_of

# The leaves and roots every Certificate Transparency implementation is tested with.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
HASHES = [leaf_hash(data) for data in LEAVES]


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    assert root_of(HASHES[:size]) == ROOTS[size]
    tree = Tree()
    for leaf in HASHES[:size]:
        tree.add(leaf)
    assert tree.root() == ROOTS[size]


class Rfc:
    """The tree of seven leaves that RFC 9162, section 2.1.5, names node by node."""

    a, b, c, d, e, f, j = HASHES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 - the RFC's names
    root = node_hash(k, l)


def look_up(leaves: list[bytes]) -> merkle.Lookup:
    tree = Tree()
    nodes = dict(finished for leaf in leaves for finished in tree.add(leaf))
    return nodes.__getitem__


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "b h l"), (3, "c g l"), (4, "f j k"), (6, "i k")],
)
def test_inclusion_proofs_of_the_rfc(index: int, path: str) -> None:
    found = merkle.proof(merkle.inclusion_ranges(index, 7), look_up(HASHES[:7]))
    assert found == [getattr(Rfc, name) for name in path.split()]
    assert merkle.is_included(HASHES[index], index=index, size=7, path=found, root=Rfc.root)


@pytest.mark.parametrize(("old_size", "path"), [(3, "c d g l"), (4, "l"), (6, "i j k")])
def test_consistency_proofs_of_the_rfc(old_size: int, path: str) -> None:
    found = merkle.proof(merkle.consistency_ranges(old_size, 7), look_up(HASHES[:7]))
    assert found == [getattr(Rfc, name) for name in path.split()]
    assert merkle.is_consistent(
        old_size=old_size, size=7, old_root=root_of(HASHES[:old_size]), root=Rfc.root, path=found
    )


def definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, as it is written there."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(definition(leaves[:k]), definition(leaves[k:]))


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


@given(st.integers(0, 200))
def test_root_is_the_definition_s(size: int) -> None:
    leaves = numbered(size)
    assert root_of(leaves) == definition(leaves)
    assert merkle.root_between(0, size, look_up(leaves)) == definition(leaves)


@given(st.integers(1, 130), st.data())
def test_every_leaf_is_proved_and_no_other(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.proof(merkle.inclusion_ranges(index, size), look_up(leaves))
    root = root_of(leaves)
    assert merkle.is_included(leaves[index], index=index, size=size, path=path, root=root)
    assert not merkle.is_included(leaf_hash(b"no"), index=index, size=size, path=path, root=root)
    other = data.draw(st.integers(-1, size + 1).filter(lambda place: place != index))
    assert not merkle.is_included(leaves[index], index=other, size=size, path=path, root=root)
    assert not merkle.is_included(leaves[index], index=index, size=size, path=[*path, root], root=root)
    if path:
        assert not merkle.is_included(leaves[index], index=index, size=size, path=path[:-1], root=root)


@given(st.integers(1, 130), st.data())
def test_growth_is_proved_and_rewriting_is_not(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    old_size = data.draw(st.integers(1, size))
    path = merkle.proof(merkle.consistency_ranges(old_size, size), look_up(leaves))
    root, old_root = root_of(leaves), root_of(leaves[:old_size])
    assert merkle.is_consistent(old_size=old_size, size=size, old_root=old_root, root=root, path=path)
    changed = data.draw(st.integers(0, old_size - 1))
    rewritten = root_of([*leaves[:changed], leaf_hash(b"other"), *leaves[changed + 1 : old_size]])
    assert not merkle.is_consistent(old_size=old_size, size=size, old_root=rewritten, root=root, path=path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (7, 7), (-1, 7)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_ranges(index, size)


@pytest.mark.parametrize(("old_size", "size"), [(0, 3), (4, 3)])
def test_no_proof_leads_backwards(old_size: int, size: int) -> None:
    with pytest.raises(ValueError, match="no proof"):
        merkle.consistency_ranges(old_size, size)
    assert not merkle.is_consistent(old_size=old_size, size=size, old_root=b"", root=b"", path=[])


def test_a_tree_goes_on_from_its_edge() -> None:
    whole, first = Tree(), Tree()
    for leaf in numbered(11):
        whole.add(leaf)
        first.add(leaf)
    second = Tree(first.size, first.edge)
    for leaf in numbered(40)[11:]:
        whole.add(leaf)
        second.add(leaf)
    assert (second.size, second.root()) == (40, whole.root())
    with pytest.raises(ValueError, match="perfect subtrees"):
        Tree(3, first.edge)
