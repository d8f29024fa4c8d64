"""`backup`: the books of one instant in a new directory, whole and described. All goes on meanwhile."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from billing.database import connect
from billing.figures import Figures, read_figures
from billing.secrets import Secrets
from config.settings import KEY_FILE, PREFIX, Settings, read_master_secret
from launch import running
from launch.backup.manifest import BOOKS, FORMAT, SECRET, Manifest, describe, write_secret
from launch.backup.postgres_tools import dump
from launch.bar import bar
from launch.data_dir import claim, is_in_use
from launch.own_servers import postgres_dir, postgres_of, remove_short_socket_dir
from launch.program import name_and_version
from launch.refusal import Refused
from launch.with_books import with_books

_SIZES: Final = (
    "select relname, pg_table_size(oid) / 1024 from pg_class"
    " where relnamespace = 'public'::regnamespace and relkind = 'r'"
)


def backup(settings: Settings, target: Path, *, with_secret: bool) -> str:
    """What was copied, for people. Raises Refused; then `target` is as it was before."""
    _check_new(target)
    master = _master_secret(settings)
    taken_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(mode=0o700)
        try:
            with _books_at_hand(settings) as url:
                figures = with_books(_copy(url, partial / BOOKS))
            ours = Secrets(master)
            if figures.secret not in (None, ours.fingerprint):
                raise Refused("The secret at hand is not the one these books were begun under.")
            has_secret = with_secret and settings.master_secret is None
            if has_secret:
                write_secret(partial / SECRET, master)
            files = {file.name: describe(file) for file in partial.iterdir()}
            Manifest(FORMAT, name_and_version(), taken_at, figures, files).sealed(ours).write(partial)
            _to_disk(partial)
            partial.rename(target)
            _sync(target.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror or error}.") from error
    return _told(target, taken_at, figures, has_secret=has_secret)


def _check_new(target: Path) -> None:
    if not target.parent.is_dir():
        raise Refused(f"The directory {target.parent} does not exist.")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise Refused(f"{target} exists and is no directory.")
    if target.is_dir() and any(target.iterdir()):
        raise Refused(f"The directory {target} is not empty: each copy has one of its own.")


@contextmanager
def _books_at_hand(settings: Settings) -> Iterator[str]:
    """The database that is named, that of a running `up`, or the directory's own, started for this."""
    if settings.database_url is None and is_in_use(settings.data_dir):
        settings = running.with_running_servers(settings)
        if settings.database_url is None:
            raise Refused(
                f"`voucher-gateway up` on {settings.data_dir} has just begun or is ending: try again."
            )
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not postgres_dir(settings).is_dir():
        raise Refused(f"DATABASE_URL must be set, or --data-dir have books; {settings.data_dir} has none.")
    directory = claim(settings.data_dir)
    try:
        server = postgres_of(settings)
        try:
            server.start(timeout_s=settings.limits.start_timeout_s)
            yield server.url
        finally:
            server.stop(timeout_s=settings.limits.stop_timeout_s)
            remove_short_socket_dir(settings)
    finally:
        directory.close()


async def _copy(url: str, target: Path) -> Figures:
    """The books as one snapshot shows them; the figures are of the same."""
    async with await connect(url, statement_timeout_ms=0) as conn:
        await conn.execute("set idle_in_transaction_session_timeout = 0")
        await conn.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await conn.set_read_only(True)
        async with conn.transaction():
            exported = await (await conn.execute("select pg_export_snapshot()")).fetchone()
            assert exported is not None, "it has one row"
            figures = await read_figures(conn)
            kib = {str(name): int(size) for name, size in await (await conn.execute(_SIZES)).fetchall()}
            with bar("KiB") as tell:
                done = current = 0

                def next_table(name: str) -> None:
                    nonlocal done, current
                    done, current = done + current, kib.get(name, 0)
                    tell(done, sum(kib.values()))

                await asyncio.to_thread(
                    dump,
                    url,
                    target,
                    server_version=figures.postgres,
                    snapshot=str(exported[0]),
                    progress=next_table,
                )
    return figures


def _master_secret(settings: Settings) -> bytes:
    """Here it is only read: one that is made now would be nobody's."""
    path = settings.data_dir / KEY_FILE
    if settings.master_secret is None and not path.exists():
        raise Refused(
            f"A copy is sealed under the master secret: set {PREFIX}SECRET, or name its --data-dir."
        )
    return read_master_secret(settings)


def _to_disk(directory: Path) -> None:
    for file in directory.iterdir():
        _sync(file)
    _sync(directory)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _told(target: Path, taken_at: str, figures: Figures, *, has_secret: bool) -> str:
    books = (
        f"{target}: the books of {taken_at}, {figures.calls:,} calls, {figures.log_size:,} batches of the log"
    )
    if has_secret:
        return f"{books}\nwith the master secret: whoever has this directory can use the vendors' keys"
    return f"{books}\nwithout the master secret: keep it somewhere else, no key works without it"
