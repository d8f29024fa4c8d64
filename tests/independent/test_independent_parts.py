"""The checker's own parts against published vectors, and that it shares nothing with what it checks."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.independent.closing import capacity_micro
from tests.independent.columns import Misshapen, read_row
from tests.independent.ed25519 import verify
from tests.independent.hand_books import made_by_hand
from tests.independent.hand_seal import KEY, tree_root, verifier_key
from tests.independent.notes import BadNote, read_key, read_note
from tests.independent.trees import Tree, leaf_hash

FOLDER: Final = Path(__file__).parent
# What an auditor takes away; the rest of the folder tests it.
CHECKER: Final = sorted(
    path for path in FOLDER.glob("*.py") if not path.name.startswith(("test_", "hand_", "conftest"))
)


def test_it_shares_no_code_with_the_product() -> None:
    """Nothing but the standard library, and siblings, by relative imports."""
    siblings = {path.stem for path in CHECKER}
    foreign = []
    for path in CHECKER:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name.split(".")[0] for alias in node.names]
                foreign += [(path.name, name) for name in names if name not in sys.stdlib_module_names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                name = str(node.module).split(".")[0]
                foreign += [(path.name, name)] if name not in sys.stdlib_module_names else []
            elif isinstance(node, ast.ImportFrom):
                is_sibling = node.level == 1 and node.module in siblings
                foreign += [] if is_sibling else [(path.name, f"{'.' * node.level}{node.module}")]
            elif isinstance(node, ast.Name) and node.id in ("__import__", "eval", "exec"):
                foreign.append((path.name, node.id))
            elif isinstance(node, ast.Attribute) and node.attr == "import_module":
                foreign.append((path.name, node.attr))
    assert foreign == []


def test_it_can_be_taken_elsewhere(tmp_path: Path) -> None:
    """A folder with nothing but the checker, a Python without site packages, another working directory."""
    taken = tmp_path / "independent"
    taken.mkdir()
    for path in CHECKER:
        shutil.copy(path, taken)
    bundle = made_by_hand().write(tmp_path / "bundle")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _START, str(tmp_path), str(bundle)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONUTF8": "1"},
        check=False,
    )
    assert (done.returncode, done.stdout.decode().splitlines()[-1:]) == (0, ["0 findings"]), done.stderr


_START: Final = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["checker", sys.argv[2]]
runpy.run_module("independent.checker", run_name="__main__")
"""

# The leaves and roots that Certificate Transparency's implementations share, RFC 6962 and RFC 9162 alike.
LEAVES: Final = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
]  # fmt: skip
ROOTS: Final = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_roots_of_the_published_leaves() -> None:
    tree = Tree()
    found = [tree.root().hex()]
    for leaf in LEAVES:
        tree.add(leaf_hash(bytes.fromhex(leaf)))
        found.append(tree.root().hex())
    assert found == ROOTS


def test_a_tree_that_grows_is_the_tree_of_the_definition() -> None:
    leaves = [str(number).encode() for number in range(70)]
    tree = Tree()
    for size, leaf in enumerate(leaves, 1):
        tree.add(leaf_hash(leaf))
        assert tree.root() == tree_root(leaves[:size])


# RFC 8032, section 7.1: public key, message, signature.
SIGNED: Final = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public_key", "message", "signature"), SIGNED)
def test_signatures_of_the_rfc(public_key: str, message: str, signature: str) -> None:
    key, text, signed = (bytes.fromhex(part) for part in (public_key, message, signature))
    assert verify(key, text, signed)
    assert not verify(key, text + b"!", signed)
    for place in (0, 31, 32, 62):
        assert not verify(key, text, signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :])


def test_signatures_as_another_implementation_makes_them() -> None:
    for number in range(20):
        key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest())
        public_key, message = key.public_key().public_bytes_raw(), b"x" * number
        signed = key.sign(message)
        assert verify(public_key, message, signed)
        assert not verify(KEY.public_key().public_bytes_raw(), message, signed)
        order = 2**252 + 27742317777372353535851937790883648493
        malleable = int.from_bytes(signed[32:], "little") + order
        assert not verify(public_key, message, signed[:32] + malleable.to_bytes(32, "little"))


@pytest.mark.parametrize("wrong", [b"", b"\x00" * 31, b"\xff" * 32, (2).to_bytes(32, "little")])
def test_what_is_no_key(wrong: bytes) -> None:
    assert not verify(wrong, b"", bytes.fromhex(SIGNED[0][2]))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        verifier_key(KEY) + "\n",
        verifier_key(KEY).replace("voucher-gateway", "another"),
        "a+00000000+AX3k",
        "a+00000000+" + "A" * 44,
    ],
)
def test_what_is_no_verifier_key(line: str) -> None:
    with pytest.raises(BadNote):
        read_key(line)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "a\n1\n",
        "a\n1\nAAAA\nat_ms 1\nafter_size 0\n\n— a AAAA\n",
        "a\n01\n" + "A" * 43 + "=\nat_ms 1\nafter_size 0\n\n— a " + "A" * 91 + "=\n",
        "a\n1\n" + "A" * 43 + "=\nat_ms 1\nafter_size 0\n\n- a " + "A" * 91 + "=\n",
        "a\n1\n" + "A" * 43 + "=\nat_ms 1\nafter_size 0\nmore\n\n— a " + "A" * 91 + "=\n",
        "a\n1\n" + "A" * 43 + "=\nat_ms 1\nafter_size 0\n\n— a " + "A" * 91 + "=",
    ],
)
def test_what_is_no_tree_head(note: str) -> None:
    with pytest.raises(BadNote):
        read_note(note)


@pytest.mark.parametrize(
    ("table", "line", "column"),
    [
        ("posting", "1\t2\t0\tvoucher/A/free", "(line)"),
        ("posting", "1\t2\t0\tvoucher/A/free\t5\t6", "(line)"),
        ("posting", "1\t2\t-1\tvoucher/A/free\t5", "leg"),
        ("posting", "1\t2\t0\tvoucher/A/free\t05", "amount_micro"),
        ("posting", "1\t2\t0\tvoucher/A/free\t+5", "amount_micro"),
        ("posting", "1\t2\t0\tvoucher/A/free\t-0", "amount_micro"),
        ("posting", "1\t2\t0\tvoucher/A/free\t5.0", "amount_micro"),
        ("posting", "1\t2\t0\tvoucher/A/free\t٥", "amount_micro"),
        ("posting", "1\t2\t0\tvoucher/A/free\t5\r", "amount_micro"),
        ("posting", "1\t2\t0\t\\N\t5", "account"),
        ("posting", "1\t2\t0\ta\\x\t5", "account"),
        ("posting", "1\t2\t0\ta\\\t5", "account"),
        ("posting", "1\t2\t0\ta\x0b\t5", "account"),
        ("entry", "1\t2\tgift\tp\tA\t\\N\t\\N\t\\N", "kind"),
        ("entry", "1\t2\tlend\tp\tA\t\\N\t64\t1", "lane"),
        ("change", "1\t2\tprice\t[]", "row"),
        ("change", '1\t2\tprice\t{"input": 1.5}', "row"),
        ("change", '1\t2\tprice\t{"input": NaN}', "row"),
        ("change", '1\t2\tprice\t{"input": 1, "input": 2}', "row"),
        ("change", "1\t2\tprice\t" + "[" * 100_000, "row"),
        ("parked", "1\t2\t0-0\tk\to\tr\t" + "AB" * 32, "payload_sha256"),
    ],
)
def test_lines_that_are_not_as_the_page_has_them(table: str, line: str, column: str) -> None:
    with pytest.raises(Misshapen) as raised:
        read_row(table, line.encode())
    assert raised.value.column == column


def test_text_is_read_as_copy_writes_it() -> None:
    row = read_row("posting", rb"1	2	0	a\\b\tc\nd\re\bf\fg\vh	-5")
    assert row.text("account") == "a\\b\tc\nd\re\bf\fg\vh"
    assert row["amount_micro"] == -5
    assert read_row("entry", rb"1	2	grant	p	A	\N	\N	\N").value("provider_id") is None


# share, grant, deposit, the largest total that both can pay
REACH: Final = [
    (750_000, 7_500_000, 2_500_000, 10_000_000),
    (750_000, 7_500_000, 100_000, 400_000),
    (750_000, 7_500_000, 5_000_000, 10_000_001),
    (900_000, 9_000_000, 1_000_003, 10_000_001),
    (1_000_000, 500_000, 0, 500_000),
    (0, 500_000, 7, 7),
    (750_000, 0, 0, 0),
]


@pytest.mark.parametrize(("share_ppm", "government", "own", "reach"), REACH)
def test_how_far_a_line_reaches(share_ppm: int, government: int, own: int, reach: int) -> None:
    assert capacity_micro(government, own, share_ppm) == reach
