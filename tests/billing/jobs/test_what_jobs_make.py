"""What long jobs make is what the office makes at once; a job that fails says why, and leaves nothing."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from billing.audit.bundle_files import BundleFiles
from billing.audit.verifying import verify_bundle
from billing.database import Connection, connect
from billing.jobs import queue_schema, running, store
from billing.jobs.running import Ended, Ending, Run, Tools
from billing.jobs.works import WORKS
from billing.lifecycle.table import Refused
from billing.statements import closing
from billing.statements.as_csv import as_csv
from billing.statements.lines import Line
from billing.statements.month import Month
from billing.statements.sheet import sheet_of
from billing.statements.statement import Subject
from billing.statements.store import closed_lines, read_statement
from tests.fakes.books_world import WON
from tests.fakes.job_world import NOW, SEPTEMBER, JobWorld, tools_on


async def done(world: JobWorld, kind: str, tools: Tools | None = None, **arguments: Any) -> dict[str, Any]:
    """Asked for, and attempted here. -> its row."""
    job_id = await world.ask(kind, **arguments)
    await running.attempt(tools or tools_on(world.url), WORKS, job_id, 0)
    return await world.job(job_id)


def test_the_database_has_the_queue_s_schema_of_this_package(books_url: str) -> None:
    """A newer package with files of its own fails here until a migration of ours brings them."""
    with psycopg.connect(books_url) as conn:
        recorded = {row[0] for row in conn.execute("select file from queue_schema")}
        assert recorded == set(queue_schema.files())
        assert queue_schema.bring_up(conn) == []
        # Had the database been made by an older package, the later file would be applied, and only it.
        later = queue_schema.files()[-1]
        conn.execute("delete from queue_schema where file = %s", [later])
        conn.execute("drop function if exists procrastinate_retry_job_v2")
        assert queue_schema.bring_up(conn) == [later]


async def test_statements_of_a_month_are_those_of_the_office(world: JobWorld) -> None:
    row = await done(world, "statements")
    data = await world.file(row["id"])
    assert (row["state"], row["done"], row["whole"], row["message"]) == ("done", 6, 6, None)
    assert (row["file_bytes"], row["file_sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        subjects = [Subject("programme", "p"), Subject("company", "gaonde"), Subject("provider", "nuri")]
        numbers = [f"2026-09-{one.kind}-{one.id}" for one in subjects]
        wanted = [f"{number}.{form}" for number in numbers for form in ("xlsx", "csv")]
        assert made.namelist() == [*wanted, "SHA256SUMS"]
        sums = made.read("SHA256SUMS").decode().splitlines()
        assert sums == [f"{hashlib.sha256(made.read(name)).hexdigest()}  {name}" for name in wanted]
        async with await connect(world.url) as conn:
            for subject, number in zip(subjects, numbers, strict=True):
                statement = await read_statement(conn, subject, SEPTEMBER)
                assert made.read(f"{number}.csv") == as_csv(sheet_of(statement, "en"))


async def test_a_bundle_is_what_the_command_writes(world: JobWorld, tmp_path: Path) -> None:
    row = await done(world, "bundle")
    (tmp_path / "books.zip").write_bytes(await world.file(row["id"]))
    with BundleFiles(tmp_path / "books.zip") as files:
        report = verify_bundle(files)
    assert report.findings == []
    assert (row["state"], row["done"], row["whole"]) == ("done", report.records, report.records)


async def test_a_large_statement_is_matched(world: JobWorld) -> None:
    row = await done(world, "reconciliation")
    assert (row["state"], row["result"], row["done"]) == ("done", "/reconciliations/re-000001", 2)
    async with await connect(world.url) as conn:
        cursor = await conn.execute("select provider_id, month, file_name, rows, person from reconciliation")
        assert await cursor.fetchall() == [("nuri", "2026-09", "nuri.csv", 2, "operator@example.org")]


# -- the close


async def test_the_close_takes_the_lines_it_rehearsed_unless_more_was_booked(world: JobWorld) -> None:
    """The rehearsed lines are told apart by a line that is missing in them."""
    books = world.books
    async with await connect(world.url) as conn:

        async def lines_with(rehearsed: closing.Rehearsed) -> list[Line]:
            async with conn.transaction(force_rollback=True):
                await closing.close_month(
                    conn, SEPTEMBER, holds_open=0, deed=world.deed(), rehearsed=rehearsed
                )
                return await closed_lines(conn, SEPTEMBER)

        rehearsed = await closing.rehearse(conn, SEPTEMBER)
        shorter = replace(rehearsed, lines=rehearsed.lines[1:])
        assert await lines_with(rehearsed) == rehearsed.lines != []
        assert await lines_with(shorter) == shorter.lines
        books.world.clock.now_ms = SEPTEMBER.end_ms
        await books.post([WON])  # of October
        assert await lines_with(shorter) == shorter.lines
        books.world.clock.now_ms = SEPTEMBER.end_ms - 1
        await books.post([WON])
        booked = await lines_with(shorter)
        assert sum(line.exact_micro.charge for line in booked) == 1_002_215_020
        assert (
            await lines_with(replace(await closing.rehearse(conn, SEPTEMBER), closed=Month(2026, 8)))
            == booked
        )


async def test_all_that_is_in_the_way_of_a_close_is_listed(world: JobWorld) -> None:
    early = replace(tools_on(world.url), now=lambda: datetime(2026, 9, 3, tzinfo=UTC), unbooked=None)
    row = await done(world, "close_month", early)
    assert (row["state"], row["message"]["code"]) == ("failed", "month_blocked")
    assert row["message"]["english"] == (
        "The month is not over. Whether calls of that month still run cannot be asked now."
    )
    assert "아직 끝나지 않은 달입니다." in row["message"]["korean"]
    assert await world.count("select count(*) from closed_month") == 0


# -- failures


async def raising(tools: Tools, run: Run) -> Ending:
    raise KeyError("a fault of ours")


@pytest.mark.parametrize(
    ("kind", "arguments", "code"),
    [
        ("bundle", {"programme": "none"}, "programme_unknown"),
        ("reconciliation", {"format": "jsonl"}, "statement_unreadable"),
        ("close_month", {"month": "2026-10"}, "month_before_open"),
    ],
)
async def test_a_job_that_fails_says_why(
    world: JobWorld, kind: str, arguments: dict[str, Any], code: str
) -> None:
    row = await done(world, kind, **arguments)
    assert (row["state"], row["message"]["code"]) == ("failed", code)
    assert row["message"]["english"]
    assert row["message"]["korean"]
    assert await world.count("select count(*) from job_piece") == 0


async def test_a_fault_of_ours_ends_the_job(world: JobWorld) -> None:
    job_id = await world.ask("bundle")
    await running.attempt(tools_on(world.url), {"bundle": raising}, job_id, 0)
    row = await world.job(job_id)
    assert (row["state"], row["message"]["code"]) == ("failed", "fault")


async def test_what_may_be_better_later_is_tried_again(world: JobWorld) -> None:
    async def away(tools: Tools, run: Run) -> Ending:
        raise OSError("the disk is full")

    job_id = await world.ask("bundle")
    with pytest.raises(OSError, match="the disk"):
        await running.attempt(tools_on(world.url), {"bundle": away}, job_id, 0)
    assert (await world.job(job_id))["state"] == "running"
    await running.attempt(tools_on(world.url), WORKS, job_id, 1)
    assert (await world.job(job_id))["state"] == "done"


async def test_files_are_bounded_and_not_kept_for_ever(world: JobWorld) -> None:
    row = await done(world, "statements")
    assert row["expires_at"] == NOW + timedelta(days=7)
    async with await connect(world.url) as conn:
        other = await world.ask("bundle")
        with pytest.raises(Refused) as refused:
            await store.keep_file(conn, other, [b"12", b"34"], name="x", until=NOW, bytes_max=3)
        assert refused.value.code == "file_too_large"
        await conn.execute("update job set expires_at = now() - interval '1 s'")
        await store.drop_old_files(conn)
    assert await world.file(row["id"]) == b""
    assert (await world.job(row["id"]))["expires_at"] is None


async def test_what_grows_too_large_is_refused_while_it_grows(world: JobWorld) -> None:
    """And not when it is to be kept: by then it would have filled the disk."""

    async def large(tools: Tools, run: Run) -> Ending:
        stream = run.stream()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as made:
            made.writestr("a", b"1234")
            stream.seek(store.FILE_BYTES_MAX - 2)  # as after much more of it
            stream.write(b"1234")
        raise AssertionError("it was written")

    job_id = await world.ask("bundle")
    await running.attempt(tools_on(world.url), {"bundle": large}, job_id, 0)
    row = await world.job(job_id)
    assert (row["state"], row["message"]["code"]) == ("failed", "file_too_large")


async def test_an_ending_may_take_longer_than_a_request(world: JobWorld) -> None:
    """Hundreds of thousands of lines are one statement."""
    told = []

    async def slow(tools: Tools, run: Run) -> Ending:
        async def ending(conn: Connection) -> Ended:
            cursor = await conn.execute("select current_setting('statement_timeout')::interval > '5 min'")
            told.append(await cursor.fetchone())
            return Ended()

        return ending

    job_id = await world.ask("bundle")
    await running.attempt(tools_on(world.url), {"bundle": slow}, job_id, 0)
    assert ((await world.job(job_id))["state"], told) == ("done", [(True,)])
