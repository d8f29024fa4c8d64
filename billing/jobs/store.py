"""Rows of long jobs: asked for, cancelled, ended, and their files in pieces.

A person's steps are taken in the SQL transaction of a request; the clock's in that of the job's effect.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework.deeds import Deed, take_step, the_clock, write_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.jobs import queue
from billing.lifecycle import job as life
from billing.lifecycle.table import Actor, Refused

PIECE_BYTES: Final = 1 << 20
FILE_BYTES_MAX: Final = 256 << 20  # who needs a larger bundle writes it with the command `export`

# Who waits for a close waits with the whole house; a provider's import is its own.
PRIORITIES: Final[Mapping[str, int]] = {"close_month": 2, "statements": 1, "bundle": 1, "reconciliation": 0}

FIND: Final = "select j.* from job j"


async def find(conn: Connection, job_id: str) -> Row:
    return await row_of(conn, FIND + " where j.id = %s", [job_id])


async def ask(
    conn: Connection,
    kind: str,
    subject: str,
    arguments: Mapping[str, Any],
    *,
    deed: Deed,
    provider: str | None = None,
    given: bytes = b"",
) -> str:
    """In the caller's SQL transaction, with its entry in the queue. -> the job's id. Raises Refused.

    `subject`: of what there is one job at a time. `given`: a file that the job is about.
    """
    [made] = await rows_of(conn, "select 'jb-' || lpad(nextval('job_number')::text, 6, '0') as id")
    job_id: str = made["id"]
    state = await take_step(
        conn,
        life.TABLE,
        "ask",
        deed=deed,
        thing_id=job_id,
        state=None,
        provider=provider,
        facts=await _facts(conn, kind, subject, deed.actor),
        detail={"kind": kind, **arguments},
    )
    who = [deed.actor.person, deed.actor.role, deed.reason, deed.now]
    await conn.execute(
        "insert into job (id, kind, subject, state, provider_id, arguments, queue_id, person, role, reason,"
        " asked_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(job_id, kind, subject, state, provider, Jsonb(dict(arguments))),
            await queue.put_in(conn, job_id, priority=PRIORITIES[kind]),
            *who,
        ],
    )
    await put_pieces(conn, job_id, "input", _cut(given))
    return job_id


async def _facts(conn: Connection, kind: str, subject: str, actor: Actor) -> life.Facts:
    return life.Facts(
        is_first=await _is_first(conn, kind, subject), own_unended=await _own_unended(conn, actor)
    )


async def _is_first(conn: Connection, kind: str, subject: str) -> bool:
    return not await rows_of(
        conn,
        "select 1 from job where kind = %s and subject = %s and state = any(%s)",
        [kind, subject, list(life.UNENDED)],
    )


async def _own_unended(conn: Connection, actor: Actor) -> int:
    """Of a provider's; the agency's people have no such bound."""
    if actor.provider is None:
        return 0
    # Of two who ask at once the second waits here, and is counted.
    await conn.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"jobs/{actor.provider}"])
    [row] = await rows_of(
        conn,
        "select count(*) as jobs from job where provider_id = %s and state = any(%s)",
        [actor.provider, list(life.UNENDED)],
    )
    return int(row["jobs"])


async def cancel(conn: Connection, job_id: str, *, deed: Deed) -> None:
    """One that nobody works on ends now, one that runs at its next portion. Raises Refused."""
    row = await row_of(conn, FIND + " where j.id = %s for update", [job_id])
    state = await take_step(
        conn,
        life.TABLE,
        "cancel",
        deed=deed,
        thing_id=job_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=facts_of(row, deed.actor),
    )
    await conn.execute("update job set state = %s where id = %s", [state, job_id])
    if row["state"] == "queued" and await queue.take_out(conn, row["queue_id"]):
        await end(conn, {**row, "state": state}, "stop", now=deed.now)


def facts_of(row: Row, actor: Actor) -> life.Facts:
    return life.Facts(may_end=actor.role != "auditor" or actor.person == row["person"])


async def end(
    conn: Connection,
    row: Row,
    action: str,
    *,
    now: datetime,
    message: Mapping[str, str] | None = None,
    result: str | None = None,
) -> None:
    """A last step of the clock's, under the row's lock. What the job was given is not kept."""
    state = await by_the_clock(conn, row, action, now=now, detail=message)
    await conn.execute(
        "update job set state = %s, message = %s, result = %s, ended_at = %s where id = %s",
        [state, None if message is None else Jsonb(dict(message)), result, now, row["id"]],
    )
    await conn.execute("delete from job_piece where job_id = %s and part = 'input'", [row["id"]])


async def by_the_clock(
    conn: Connection, row: Row, action: str, *, now: datetime, detail: Mapping[str, Any] | None = None
) -> str:
    """A step that no person takes, in the log. -> the state after it."""
    step = life.TABLE.step(action)
    assert row["state"] in step.sources, f"{action} of a job that is {row['state']}"
    after = step.target
    assert after is not None, "every step of a job names its state"
    await write_step(
        conn,
        "job",
        action,
        by=the_clock(now),
        thing_id=row["id"],
        before=row["state"],
        after=after,
        detail=detail,
    )
    return after


# -- files


async def keep_file(
    conn: Connection,
    job_id: str,
    pieces: Iterable[bytes],
    *,
    name: str,
    until: datetime,
    bytes_max: int = FILE_BYTES_MAX,
) -> None:
    """In the SQL transaction of the job's end. Raises Refused where it is too large."""
    hashed, size = hashlib.sha256(), 0

    def measured() -> Iterable[bytes]:
        nonlocal size
        for piece in pieces:
            size += len(piece)
            if size > bytes_max:
                raise too_large(bytes_max)
            hashed.update(piece)
            yield piece

    await put_pieces(conn, job_id, "file", measured())
    await conn.execute(
        "update job set file_name = %s, file_bytes = %s, file_sha256 = %s, expires_at = %s where id = %s",
        [name, size, hashed.hexdigest(), until, job_id],
    )


def too_large(bytes_max: int) -> Refused:
    return Refused(
        "file_too_large",
        f"The file has more than {bytes_max} bytes; write it with the command `export`.",
        "파일이 너무 큽니다. export 명령으로 만들어 주세요.",
    )


async def put_pieces(conn: Connection, job_id: str, part: str, pieces: Iterable[bytes]) -> None:
    for number, piece in enumerate(pieces):
        await conn.execute("insert into job_piece values (%s, %s, %s, %s)", [job_id, part, number, piece])


def _cut(data: bytes) -> Iterable[bytes]:
    return (data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES))


async def pieces_of(conn: Connection, job_id: str, part: str) -> AsyncIterator[bytes]:
    """One after the other: a file is never whole in memory."""
    number = 0
    while (piece := await piece_of(conn, job_id, part, number)) is not None:
        yield piece
        number += 1


async def piece_of(conn: Connection, job_id: str, part: str, number: int) -> bytes | None:
    cursor = await conn.execute(
        "select data from job_piece where (job_id, part, number) = (%s, %s, %s)",
        [job_id, part, number],
        binary=True,
    )
    row = await cursor.fetchone()
    return None if row is None else bytes(row[0])


async def drop_old_files(conn: Connection) -> None:
    await conn.execute(
        "with old as (update job set expires_at = null where expires_at < clock_timestamp() returning id)"
        " delete from job_piece p using old where p.job_id = old.id and p.part = 'file'"
    )
