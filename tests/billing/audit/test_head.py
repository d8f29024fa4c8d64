"""Heads are C2SP signed notes: a published one verifies, ours say what was signed, nothing else passes."""

from __future__ import annotations

import base64

import pytest

from billing.audit.head import BadHead, Signer, TreeHead, VerifierKey

# From the documentation of Go's golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

SIGNER = Signer("voucher-gateway/test", bytes(range(32)))
ROOT = bytes(range(100, 132))
NOTE = SIGNER.sign_head(size=43, root=ROOT, at_ms=1_790_000_000_000, after_size=40)


def test_a_published_key_and_signature() -> None:
    key = VerifierKey.read(GO_KEY)
    signature = base64.b64decode(GO_SIGNATURE)
    assert str(key) == GO_KEY
    assert signature[:4] == key.key_id
    assert key.has_signed(signature[4:], GO_TEXT)
    assert not key.has_signed(signature[4:], GO_TEXT + b" ")


def test_a_head_says_what_was_signed() -> None:
    head = TreeHead.read(NOTE)
    assert (head.origin, head.size, head.root, head.after_size) == ("voucher-gateway/test", 43, ROOT, 40)
    assert head.is_signed_by(SIGNER.key)
    assert NOTE.splitlines()[:2] == ["voucher-gateway/test", "43"]


def test_a_witness_may_sign_too() -> None:
    witness = Signer("witness.example", bytes(32))
    cosigned = NOTE + witness.sign_head(size=43, root=ROOT, at_ms=0, after_size=0).splitlines()[-1] + "\n"
    assert TreeHead.read(cosigned).is_signed_by(SIGNER.key)


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("\n43\n", "\n44\n"),
        NOTE.replace("after_size 40", "after_size 4"),
        NOTE.replace("voucher-gateway/test\n43", "voucher-gateway/best\n43"),
        Signer("voucher-gateway/test", bytes(32)).sign_head(size=43, root=ROOT, at_ms=0, after_size=40),
    ],
)
def test_a_changed_head_is_not_signed(note: str) -> None:
    assert not TreeHead.read(note).is_signed_by(SIGNER.key)


@pytest.mark.parametrize(
    "note",
    [
        *("", "\n\n", "a\n1\n", "x" * 20_000),
        *(NOTE.replace("43", "043"), NOTE.replace("43", "-1")),
        *(NOTE.partition("—")[0] + "—", NOTE.replace("\n\n", "\n"), NOTE + "\x00"),
    ],
)
def test_what_is_no_head(note: str) -> None:
    with pytest.raises(BadHead):
        TreeHead.read(note)


@pytest.mark.parametrize(
    "text", ["", "a+b", GO_KEY.replace("c74f20a3", "c74f20a4"), GO_KEY[:-8], GO_KEY + "é"]
)
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(BadHead):
        VerifierKey.read(text)


def test_base64_has_one_form() -> None:
    """The last letter holds two bits that nothing uses: another letter there is a change, and shows."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = NOTE.rstrip("=\n")[-1]
    other = alphabet[alphabet.index(last) ^ 1]
    with pytest.raises(BadHead):
        TreeHead.read(NOTE.removesuffix(f"{last}=\n") + f"{other}=\n")
