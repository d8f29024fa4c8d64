"""Hashes, heads and keys of a bundle made by hand, by the page's definitions word by word."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.independent.hand_figures import AT_MS

ORIGIN: Final = "voucher-gateway/7f0c11d2"
HEAD_SIZES: Final = (4, 9)
KEY: Final = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a key for tests").digest())


def verifier_key(key: Ed25519PrivateKey) -> str:
    data = b"\x01" + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + data).hexdigest()[:8]
    return f"{ORIGIN}+{key_id}+{base64.b64encode(data).decode()}"


def tree_root(leaves: list[bytes]) -> bytes:
    """By the definition: the largest power of two below n goes to the left."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + tree_root(leaves[:k]) + tree_root(leaves[k:])).digest()


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def withheld(line: str) -> str:
    batch, _, record = line.partition("\t")
    leaf = hashlib.sha256(b"\0parked\t" + record.encode()).hexdigest()
    return f"{batch}\t{leaf}"


def as_json(row: Mapping[str, Any]) -> str:
    return escaped(json.dumps(row, ensure_ascii=False))


def joined(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def signed_head(size: int, root: bytes, key: Ed25519PrivateKey) -> str:
    after_size = max((before for before in HEAD_SIZES if before < size), default=0)
    lines = (ORIGIN, str(size), base64.b64encode(root).decode(), f"at_ms {AT_MS + 1000 * size}")
    text = "\n".join((*lines, f"after_size {after_size}\n"))
    key_id = bytes.fromhex(verifier_key(key).split("+")[1])
    signature = base64.b64encode(key_id + key.sign(text.encode())).decode()
    return f"{text}\n— {ORIGIN} {signature}\n"
