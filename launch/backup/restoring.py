"""`restore`: books from a copy, into a place that has none, proved and made fit for use."""

from __future__ import annotations

import asyncio
import hmac
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from billing import migrate
from billing.beginning_anew import begin_anew, protect_appended
from billing.database import connect
from billing.figures import read_figures
from billing.secrets import Secrets
from config.settings import KEY_FILE, PREFIX, Settings, read_master_secret
from launch import durability
from launch.backup.manifest import BOOKS, MANIFEST, SECRET, Manifest, check_files, read_manifest, write_secret
from launch.backup.postgres_tools import load
from launch.bar import bar
from launch.data_dir import claim
from launch.own_servers import postgres_dir, postgres_of, remove_short_socket_dir, valkey_dir, valkey_of
from launch.refusal import Refused
from launch.with_books import with_books
from metering.purse import LEASE_MS, PurseUnavailable
from metering.purse_redis import connect_purse
from metering.remains import Remains, find_remains

_ANYTHING: Final = (
    "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname !~ '^pg_' and n.nspname <> 'information_schema')"
)


def restore(settings: Settings, source: Path) -> str:
    """What is back, for people. Raises Refused; then nothing was made, or the text says what is left."""
    manifest = read_manifest(source)
    if manifest.figures.schema > migrate.newest_version():
        raise Refused(f"{source} was made by a later version ({manifest.made_by}): install that one.")
    secret = _secret(settings, source, manifest)
    if not manifest.is_ours(Secrets(secret)):
        raise Refused(f"{source / MANIFEST} was changed after the copy was made.")
    with bar("bytes") as progress:
        check_files(source, manifest, progress)
    with _empty_place(settings, secret) as place:
        with_books(_fill(place, source, manifest))
    return _told(settings, manifest)


def _secret(settings: Settings, source: Path, manifest: Manifest) -> bytes:
    """The one these books were begun under, wherever it is. Raises Refused."""
    own = settings.data_dir / KEY_FILE
    if settings.master_secret is not None:
        where, secret = f"{PREFIX}SECRET", read_master_secret(settings)
    elif own.exists():
        where, secret = str(own), own.read_bytes()
    elif SECRET in manifest.files:
        where, secret = str(source / SECRET), (source / SECRET).read_bytes()
    else:
        raise Refused(f"{source} has no master secret in it: set {PREFIX}SECRET, or put the file to {own}.")
    fingerprint = manifest.figures.secret
    if fingerprint is not None and not hmac.compare_digest(fingerprint, Secrets(secret).fingerprint):
        raise Refused(f"{where} is not the secret the books in {source} were begun under.")
    return secret


class _Place(NamedTuple):
    """Where the books go, and the purse that will be used with them, if one is there already."""

    books: str
    purse: str | None
    is_shared: bool  # the purse: somebody else may be using it


@contextmanager
def _empty_place(settings: Settings, secret: bytes) -> Iterator[_Place]:
    """Named servers, or those of the data directory, started for this. Whatever fails, it is empty again."""
    if settings.database_url is not None:
        durability.check_postgres(settings.database_url)
    with ExitStack() as undone:
        needs_directory = settings.database_url is None or settings.master_secret is None
        directory = claim(settings.data_dir) if needs_directory else None
        if directory is not None:
            undone.callback(directory.discard)
            settings.logs_dir.mkdir(mode=0o700, exist_ok=True)
        own_key = settings.data_dir / KEY_FILE
        if directory is not None and settings.master_secret is None and not own_key.exists():
            write_secret(own_key, secret)
            undone.callback(own_key.unlink, missing_ok=True)
        with ExitStack() as servers:
            books = _books(settings, servers, undone)
            yield _Place(books, _purse(settings, servers), is_shared=settings.redis_url is not None)
        undone.pop_all()
        if directory is not None:
            directory.keep()
            directory.close()


def _books(settings: Settings, servers: ExitStack, undone: ExitStack) -> str:
    if settings.database_url is not None:
        return settings.database_url
    servers.callback(remove_short_socket_dir, settings)
    path = postgres_dir(settings)
    if path.exists():
        raise Refused(f"{settings.data_dir} has books already: restore into a new --data-dir.")
    undone.callback(shutil.rmtree, path, ignore_errors=True)
    server = postgres_of(settings)
    servers.callback(server.stop, timeout_s=settings.limits.stop_timeout_s)
    server.start(timeout_s=settings.limits.start_timeout_s)
    return server.url


def _purse(settings: Settings, servers: ExitStack) -> str | None:
    if settings.redis_url is not None or not valkey_dir(settings).is_dir():
        return settings.redis_url
    server = valkey_of(settings)
    servers.callback(server.stop, timeout_s=settings.limits.stop_timeout_s)
    server.start(timeout_s=settings.limits.start_timeout_s)
    return server.url


async def _fill(place: _Place, source: Path, manifest: Manifest) -> None:
    remains = await _still_known(place)
    copied = manifest.figures
    async with await connect(place.books, statement_timeout_ms=0) as conn:
        row = await (await conn.execute(_ANYTHING)).fetchone()
        if row is None or row[0]:
            raise Refused("The database at DATABASE_URL is not empty: restore into one that is.")
        with bar("tables") as tell:
            done: list[str] = []

            def next_table(name: str) -> None:
                tell(len(done), None)
                done.append(name)

            version = conn.info.server_version
            if version // 10_000 < copied.postgres // 10_000:
                raise Refused(
                    f"The copy is of PostgreSQL {copied.postgres // 10_000}, the server of "
                    f"{version // 10_000}: restore into one that is as new."
                )
            await asyncio.to_thread(
                load, place.books, source / BOOKS, server_version=version, progress=next_table
            )
        await protect_appended(conn, copied.append_only)
        if not (await read_figures(conn)).is_of_the_same_books(copied):
            raise Refused("What came back is not what was copied: its counts, balances or log differ.")
        await begin_anew(conn, remains, taken_at=manifest.taken_at, copied=copied)
        await asyncio.to_thread(migrate.upgrade, place.books)
        await conn.execute("analyze")


async def _still_known(place: _Place) -> Remains:
    """What the purse has of a life the books do not know. Raises Refused where that life goes on."""
    if place.purse is None:
        return Remains()
    try:
        purse = await connect_purse(place.purse)
        try:
            remains = await find_remains(purse.line.lines)
        finally:
            await purse.close()
    except PurseUnavailable as error:
        raise Refused(f"Redis at REDIS_URL cannot be used: {error}.") from error
    if remains.living and place.is_shared:
        raise Refused(
            f"Gateways are running on REDIS_URL ({', '.join(sorted(remains.living))}): stop them,"
            f" and try again in {LEASE_MS // 1000} seconds."
        )
    return remains


def _told(settings: Settings, manifest: Manifest) -> str:
    figures = manifest.figures
    start = f" --data-dir {settings.data_dir}" if settings.database_url is None else ""
    return (
        f"the books of {manifest.taken_at} are back: {figures.calls:,} calls,"
        f" {figures.log_size:,} batches of the log, balances as they were\n"
        f"what was booked later is not in them: see docs/operating/backup.md before the next payment\n"
        f"start: voucher-gateway up{start}"
    )
