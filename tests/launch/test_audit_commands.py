"""`export`, `verify`, `receipt` and `head` as people call them: what they print, and their exit codes."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from billing.audit.sealing import make_signer, seal
from billing.database import connect, open_pool
from billing.secrets import Secrets
from tests.fakes.audited_world import AuditedWorld
from tests.fakes.copied import finished

SECRET = "a secret of thirty-two characters"


@dataclass(slots=True)
class Shell:
    url: str
    folder: Path
    secret: str = SECRET

    def __call__(self, *words: str, books: bool = True) -> tuple[int, str, str]:
        environment = {"PATH": os.environ["PATH"], "VOUCHER_GATEWAY_SECRET": self.secret}  # noqa: TID251 - for a child
        if books:
            environment["DATABASE_URL"] = self.url
        return finished(*words, environment=environment, folder=self.folder)


@pytest.fixture
def shell(books_url: str, tmp_path: Path) -> Shell:
    async def fill() -> None:
        async with open_pool(books_url) as pool:
            world = await AuditedWorld.make(pool)
            await world.post([1_000_001, 5])
        async with await connect(books_url) as conn:
            await seal(conn, await make_signer(conn, Secrets(SECRET.encode()).signing_seed))

    asyncio.run(fill())
    return Shell(books_url, tmp_path)


def test_a_bundle_a_head_a_receipt_and_what_is_wrong_with_them(shell: Shell) -> None:
    _, key, _ = shell("head", "--key")
    code, head, _ = shell("head")
    assert (code, head.splitlines()[0]) == (0, key.partition("+")[0])
    (shell.folder / "head.txt").write_text(head)

    code, told, complaint = shell("export", "books.zip")
    assert (code, complaint) == (0, "")
    assert key.strip() in told
    assert shell("export", "books.zip")[0] == 2

    options = ("--head", "head.txt", "--key", key.strip())
    code, told, _ = shell("verify", "books.zip", *options, books=False)
    assert (code, told.startswith("ok: ")) == (0, True)
    assert "agrees with the 1 heads" in told

    code, told, _ = shell("receipt", "op_0")
    assert code == 0
    (shell.folder / "receipt.json").write_text(told)
    assert shell("verify", "receipt.json", *options, books=False)[0] == 0
    (shell.folder / "receipt.json").write_text(told.replace("1000001", "1000002"))
    code, told, _ = shell("verify", "receipt.json", books=False)
    assert (code, told.startswith("finding: ")) == (1, True)

    assert shell("export", "books")[0] == 0
    usage = shell.folder / "books" / "usage.tsv"
    usage.write_text(usage.read_text().replace("1000001", "1000002"))
    code, told, _ = shell("verify", "books", books=False)
    assert (code, {line.partition(":")[0] for line in told.splitlines()}) == (1, {"finding"})


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "absent.zip"),
        ("verify", "text.txt"),
        ("verify", "text.txt", "--head", "text.txt"),
        ("verify", "text.txt", "--key", "no key"),
        ("export", "absent/books.zip"),
        ("export", "books.zip", "--programme", "none"),
        ("receipt", "op_nobody"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(shell: Shell, words: tuple[str, ...]) -> None:
    (shell.folder / "text.txt").write_text("no bundle\n")
    code, told, complaint = shell(*words)
    assert (code, told, len(complaint.strip().splitlines())) == (2, "", 1), complaint
    assert not any(word in complaint for word in ("Error", "Errno", "Expecting")), complaint
    assert not (shell.folder / "books.zip").exists()


def test_another_secret_does_not_sign(shell: Shell) -> None:
    assert shell("head", "--key")[0] == 0
    shell.secret = "another one of thirty-two characters"
    code, _, complaint = shell("export", "books.zip")
    assert (code, "secret" in complaint) == (2, True)
    assert not (shell.folder / "books.zip").exists()
