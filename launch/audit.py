"""`export`, `verify`, `receipt` and `head`: the log of the books, for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from billing.audit.bundle_files import BundleFiles, NotABundle
from billing.audit.bundle_rows import Report
from billing.audit.exporting import Exported, NoProgramme, export_bundle
from billing.audit.head import NOTE_BYTES_MAX, BadHead, TreeHead, VerifierKey
from billing.audit.receipt import NotAReceipt, Receipt, verify_receipt
from billing.audit.receipting import NoSuchCall, NotAsLogged, make_receipt
from billing.audit.sealing import make_signer, newest_head
from billing.audit.verifying import verify_bundle
from billing.database import connect
from config.settings import Settings
from launch import roles
from launch.bar import bar
from launch.refusal import Findings, Refused
from launch.with_books import with_books

RECEIPT_BYTES_MAX: Final = 16 << 20


def export(settings: Settings, target: Path, *, programme: str | None) -> str:
    """Raises Refused; Findings where rows of the books are outside the log."""
    if not target.parent.is_dir():
        raise Refused(f"The directory {target.parent} does not exist.")
    try:
        with bar("rows") as progress:
            exported = with_books(_export(settings, target, programme, progress))
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror or error}.") from error
    except NoProgramme as error:
        raise Refused(str(error)) from error
    told = f"{target}: {exported.rows} records in {exported.head.size} batches\nsigned by {exported.key}"
    if exported.outside:
        outside = "\n".join(f"finding: {sentence}" for sentence in exported.outside)
        raise Findings(f"{told}\n{outside}")
    return told


async def _export(
    settings: Settings, target: Path, programme: str | None, progress: Callable[[int, int], None]
) -> Exported:
    return await export_bundle(
        roles.database_url(settings),
        await _seed(settings),
        target,
        programme=programme,
        now=datetime.now(UTC),
        progress=progress,
    )


def verify(path: Path, *, head_files: list[Path], key: str | None) -> str:
    """A bundle or a receipt. Needs no settings. Raises Refused (bad input) and Findings."""
    try:
        heads = [_read_head(file) for file in head_files]
        expected = None if key is None else VerifierKey.read(key)
    except BadHead as error:
        raise Refused(f"--head or --key: {error}.") from error
    try:
        if path.is_file() and not _is_zip(path):
            return _verify_receipt(path, heads, expected)
        with BundleFiles(path) as files, bar("batches") as progress:
            report = verify_bundle(files, known_heads=heads, expected_key=expected, progress=progress)
    except NotABundle as error:
        raise Refused(str(error)) from error
    except NotAReceipt as error:
        raise Refused(f"{path} is neither a bundle nor a receipt: {error}.") from error
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    if report.findings:
        raise Findings("\n".join(f"finding: {finding}" for finding in report.findings))
    return _sound(report, known=len(heads), expected=expected is not None)


def _verify_receipt(path: Path, heads: list[TreeHead], expected: VerifierKey | None) -> str:
    with path.open("rb") as stream:
        receipt = Receipt.read(stream.read(RECEIPT_BYTES_MAX))
    findings = verify_receipt(receipt, known_heads=heads, expected_key=expected)
    if findings:
        raise Findings("\n".join(f"finding: {finding}" for finding in findings))
    return f"ok: call {receipt.usage_id} is in the log\nsigned by {receipt.key}"


def _sound(report: Report, *, known: int, expected: bool) -> str:
    manifest = report.manifest
    lines = [
        f"ok: {report.records} records in {manifest.size} batches",
        f"root {manifest.root}, {report.heads} signed heads",
        f"signed by {manifest.key}" + (", as expected" if expected else ""),
    ]
    if manifest.programme is not None:
        lines.append(f"only programme {manifest.programme}: what is shown is proved, not that all is shown")
    if known:
        lines.append(f"agrees with the {known} heads handed in")
    if not expected:
        lines.append("compare the key with one you know, or give it with --key")
    return "\n".join(lines)


def receipt(settings: Settings, usage_id: str) -> str:
    """The receipt, JSON. Raises Refused; Findings where the books were changed."""

    async def make() -> Receipt:
        return await make_receipt(roles.database_url(settings), await _seed(settings), usage_id)

    try:
        made = with_books(make())
    except NoSuchCall as error:
        raise Refused(str(error)) from error
    except NotAsLogged as error:
        raise Findings(f"finding: {error}") from error
    return made.to_json()


def head(settings: Settings, *, key: bool) -> str:
    """The newest signed head, or the verifier key. Raises Refused."""

    async def read() -> str:
        async with await connect(roles.database_url(settings)) as conn:
            if key:
                return str((await make_signer(conn, await _seed(settings))).key)
            newest = await newest_head(conn)
            if newest is None:
                raise Refused("No head was signed yet; a worker signs one within a second of its start.")
            return newest.note.rstrip("\n")

    return with_books(read())


async def _seed(settings: Settings) -> bytes:
    """Only of the secret the books know as theirs: another one would sign as somebody else."""
    async with await connect(roles.database_url(settings)) as conn:
        return (await roles.secrets_of(settings, conn)).signing_seed


def _read_head(path: Path) -> TreeHead:
    try:
        with path.open("rb") as stream:
            return TreeHead.read(stream.read(NOTE_BYTES_MAX + 1).decode())
    except OSError as error:
        raise Refused(f"The head {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is no tree head.") from error


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"
