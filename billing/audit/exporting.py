"""Exporting: the books of one instant, sealed and signed, as a bundle. Streams; its memory does not grow.

The instant is a snapshot: while nobody else can seal, the snapshot is taken, then exactly what waits in it is
sealed and a head is signed over it. So every row of the snapshot is in the log, and the log has no other.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final, LiteralString

from psycopg.sql import SQL, Identifier

from billing.audit.bundle_files import BALANCES, BATCHES, FUNDS, FUNDS_COLUMNS, HEADS, MANIFEST, SIGNATURE
from billing.audit.bundle_writing import BundleWriter, Write
from billing.audit.head import Signer
from billing.audit.leaf import RECORD_TABLES, Batch, record_hash
from billing.audit.manifest import Manifest
from billing.audit.sealing import (
    SEAL_LOCK,
    Head,
    log_origin,
    name_signer,
    seal_these,
    sign_now,
)
from billing.audit.stored_lines import lines_of_batches, lines_of_founding
from billing.database import Connection, connect

BATCHES_AT_ONCE: Final = 200
LOG_AT_ONCE: Final = 10_000

Progress = Callable[[int, int], None]  # rows written, rows in all

_BALANCES: Final[LiteralString] = (
    "copy (select p.account, sum(p.amount_micro)::bigint from posting p join entry e on e.id = p.entry_id"
    " where %(programme)s::text is null or e.programme_id = %(programme)s::text"
    ' group by p.account order by p.account collate "C") to stdout'
)
_FUNDS: Final[LiteralString] = (
    "copy (select "  # noqa: S608 - constants
    + ", ".join(FUNDS_COLUMNS)
    + " from funds where %(programme)s::text is null or programme_id = %(programme)s::text"
    ' order by voucher_id collate "C") to stdout'
)
# What a bundle of one programme lists; batch 0 always.
_LISTED: Final = (
    "select batch_id from usage where programme_id = %(programme)s union"
    " select batch_id from entry where programme_id = %(programme)s union select batch_id from change"
)


class NoProgramme(Exception):
    """The books know no such programme."""


@dataclass(slots=True)
class Exported:
    """`outside`: sentences about rows that are in no batch of the log."""

    head: Head
    key: str
    rows: int = 0
    outside: list[str] = field(default_factory=list)


async def export_bundle(
    database_url: str,
    seed: bytes,
    target: Path | IO[bytes],
    *,
    programme: str | None,
    now: datetime,
    progress: Progress = lambda done, whole: None,
) -> Exported:
    """Raises OSError, psycopg.Error, NoProgramme; then nothing is left under `target`."""
    log = await connect(database_url, statement_timeout_ms=0)
    books = await connect(database_url, statement_timeout_ms=0)
    async with log, books:
        signer = Signer(await log_origin(log), seed)
        await books.execute("set idle_in_transaction_session_timeout = 0")
        async with books.transaction():
            head = await _seal_instant(log, books, signer)
            if programme is not None:
                await _check_programme(books, programme)
            with BundleWriter(target) as writer:
                export = _Export(log, books, writer, head, programme, progress)
                exported = await export.run(signer, now)
                writer.finish()
    return exported


@asynccontextmanager
async def sealing_alone(log: Connection, signer: Signer) -> AsyncIterator[None]:
    """While nobody else can seal; the log names the signer before anything else is sealed."""
    await log.execute("set lock_timeout = '60s'")
    await log.execute("select pg_advisory_lock(%s, 0)", [SEAL_LOCK])
    try:
        await name_signer(log, signer)
        yield
    finally:
        await log.execute("select pg_advisory_unlock(%s, 0)", [SEAL_LOCK])


async def _seal_instant(log: Connection, books: Connection, signer: Signer) -> Head:
    async with sealing_alone(log, signer):
        await books.execute("set transaction isolation level repeatable read read only")
        cursor = await books.execute("select batch_id from batch_waiting order by batch_id")
        await seal_these(log, [row[0] for row in await cursor.fetchall()])
        return await sign_now(log, signer)


async def _check_programme(books: Connection, programme: str) -> None:
    cursor = await books.execute(
        "select exists (select from programme where id = %(id)s) or exists"
        " (select from funds where programme_id = %(id)s)",
        {"id": programme},
    )
    row = await cursor.fetchone()
    if row is None or not row[0]:
        raise NoProgramme(f"The books know no programme {programme}.")


class _Export:
    def __init__(
        self,
        log: Connection,
        books: Connection,
        writer: BundleWriter,
        head: Head,
        programme: str | None,
        progress: Progress,
    ) -> None:
        self._log = log
        self._books = books
        self._writer = writer
        self._head = head
        self._programme = programme
        self._progress = progress
        self._done = 0
        self._whole = 0
        self._counts = dict.fromkeys(RECORD_TABLES, 0)
        self._listed: set[int] | None = None

    async def run(self, signer: Signer, now: datetime) -> Exported:
        if self._programme is not None:
            cursor = await self._books.execute(_LISTED, {"programme": self._programme})
            self._listed = {row[0] for row in await cursor.fetchall()}
        await self._write_batches()
        for table in RECORD_TABLES:
            await self._write_records(table)
        await self._write_heads()
        for name, query in ((BALANCES, _BALANCES), (FUNDS, _FUNDS)):
            with self._writer.file(name) as put:
                async for line in copied(self._books, query, {"programme": self._programme}):
                    put(line)
        manifest = Manifest(
            origin=signer.key.name,
            made_at_ms=int(now.timestamp() * 1000),
            size=self._head.size,
            root=self._head.root.hex(),
            programme=self._programme,
            key=signer.key,
            files=self._writer.facts,
        ).to_bytes()
        self._writer.small(MANIFEST, manifest)
        self._writer.small(SIGNATURE, signer.sign_manifest(manifest).encode() + b"\n")
        outside = [] if self._programme is not None else await self._outside()
        return Exported(self._head, str(signer.key), self._done, outside)

    async def _write_batches(self) -> None:
        with self._writer.file(BATCHES) as put:
            for start in range(0, self._head.size, LOG_AT_ONCE):
                cursor = await self._log.execute(
                    "select l.number, b.root, b.change_rows, b.entry_rows, b.posting_rows, b.usage_rows,"
                    " b.parked_rows, b.at_ms, l.previous from log l join batch b on b.id = l.batch_id"
                    " where l.number >= %s and l.number < %s order by l.number",
                    [start, min(start + LOG_AT_ONCE, self._head.size)],
                )
                for number, root, *counts, at_ms, previous in await cursor.fetchall():
                    put(Batch(number, root, tuple(counts), at_ms, previous).line())
                    self._whole += sum(counts)

    async def _write_records(self, table: str) -> None:
        with self._writer.file(f"{table}.tsv") as put:
            founding = lines_of_founding(table, of_programme=True)
            await self._put_lines(put, table, founding, {"programme": self._programme})
            for start in range(1, self._head.size, BATCHES_AT_ONCE):
                batches = await self._batches_from(start)
                if batches:
                    numbers, ids = zip(*batches, strict=True)
                    parameters: dict[str, object] = {"ids": list(ids), "numbers": list(numbers)}
                    parameters |= {"first": min(ids), "last": max(ids), "programme": self._programme}
                    await self._put_lines(put, table, lines_of_batches(table), parameters)

    async def _batches_from(self, start: int) -> list[tuple[int, int]]:
        """(number, id) of some batches; of one programme only those that have something of it."""
        cursor = await self._log.execute(
            "select number, batch_id from log where number >= %s and number < %s order by number",
            [start, min(start + BATCHES_AT_ONCE, self._head.size)],
        )
        rows = await cursor.fetchall()
        return [(number, id_) for number, id_ in rows if self._listed is None or id_ in self._listed]

    async def _put_lines(
        self, put: Write, table: str, query: LiteralString, parameters: dict[str, object]
    ) -> None:
        async for row in copied(self._books, query, parameters):
            number, shown, line = row.split(b"\t", 2)
            put(number + b"\t" + (line if shown == b"t" else record_hash(table, line).hex().encode()))
            self._counts[table] += 1
            self._done += 1
            if not self._done % 1000:
                self._progress(self._done, self._whole)

    async def _write_heads(self) -> None:
        cursor = await self._log.execute(
            "select note from tree_head where size <= %s order by size", [self._head.size]
        )
        with self._writer.file(HEADS) as put:
            for (note,) in await cursor.fetchall():
                put(json.dumps(note, ensure_ascii=False).encode())

    async def _outside(self) -> list[str]:
        """Tables with more, or fewer, rows than the log's batches have of them."""
        outside = []
        for table in RECORD_TABLES:
            cursor = await self._books.execute(SQL("select count(*) from {}").format(Identifier(table)))
            [(count,)] = await cursor.fetchall()
            if count != self._counts[table]:
                outside.append(f"{table}: has {count} rows, of which {self._counts[table]} are in the log")
        return outside


async def copied(
    conn: Connection, query: LiteralString, parameters: dict[str, object]
) -> AsyncIterator[bytes]:
    """The lines of a COPY, without their ends, as they come."""
    pending = b""
    async with conn.cursor().copy(query, parameters) as rows:
        async for block in rows:
            *lines, pending = (pending + bytes(block)).split(b"\n")
            for line in lines:
                yield line
