"""Statements of real books: what is booked is on them to the micro-won, and a closed month takes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from billing.casework.deeds import Deed
from billing.database import Pool
from billing.lifecycle.table import Actor, Refused
from billing.posting_store import read_state
from billing.statements.amounts import Amounts
from billing.statements.closing import close_month, lines_sha256
from billing.statements.month import Month
from billing.statements.statement import Statement, Subject
from billing.statements.store import closed_lines, read_statement
from tests.fakes.audited_world import SEED, AuditedWorld
from tests.fakes.books_world import LANE, VOUCHER, WON
from tests.independent.checker import check

SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
GAONDE = Subject("company", "gaonde")
OPERATOR = Actor("operator@example.org", "operator")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
async def books(pool: Pool) -> AuditedWorld:
    """A voucher at 0.75 with calls of September, to the last second, and of October from the first."""
    books = await AuditedWorld.make(pool)
    await books.world.treasury.lend(lane=LANE, n=books.n, voucher_id=VOUCHER, need_micro=5_000 * WON)
    books.world.clock.now_ms = SEPTEMBER.end_ms - 1_000
    await books.post([215_020, 999_999, 1_000 * WON + 1, 0])
    await books.sweep_then_settle(floor_micro=1_000, charge_micro=600_000)
    books.world.clock.now_ms = OCTOBER.first_ms
    await books.post([700_000, 300_001])
    return books


async def statement(books: AuditedWorld, month: Month, subject: Subject = GAONDE) -> Statement:
    async with books.world.pool.connection() as conn:
        return await read_statement(conn, subject, month)


async def close(
    books: AuditedWorld,
    month: Month,
    *,
    holds_open: int | None = 0,
    now: datetime = NOW,
    reason: str = "월 마감",
) -> None:
    async with books.world.pool.connection() as conn, conn.transaction():
        await close_month(conn, month, holds_open=holds_open, deed=Deed(OPERATOR, now, "r-1", reason))


async def payable(books: AuditedWorld) -> int:
    return (await books.world.sound())["provider/nuri/payable"]


async def test_the_months_of_all_subjects_are_the_ledger(books: AuditedWorld) -> None:
    september, october = await statement(books, SEPTEMBER), await statement(books, OCTOBER)
    assert september.booked_micro.charge == 215_020 + 999_999 + 1_000 * WON + 1 + 600_000
    assert (september.calls, october.calls) == (4, 2)
    assert september.booked_micro + october.booked_micro == Amounts(*(await ledger(books)), uncollected=0)
    assert september.booked_micro.charge + october.booked_micro.charge == await payable(books)
    for subject in (Subject("provider", "nuri"), Subject("programme", "p")):
        assert (await statement(books, OCTOBER, subject)).lines == october.lines
    # The rest of September is a line of October, and what is carried on is what is not billed yet.
    assert [line.kind for line in october.lines] == ["usage", "rest"]
    assert october.lines[1].exact_micro == september.rest_micro
    billed = (september.won + october.won).charge * WON
    assert billed + october.rest_micro.charge == await payable(books)


async def ledger(books: AuditedWorld) -> tuple[int, int]:
    """Government and deposit as the accounts of the vouchers lost them."""
    accounts = await books.world.sound()
    return (
        70_000 * WON - accounts[f"voucher/{VOUCHER}/government"],
        30_000 * WON - accounts[f"voucher/{VOUCHER}/self"],
    )


async def test_what_is_late_is_a_line_of_the_next_open_month(books: AuditedWorld, tmp_path: Path) -> None:
    before = await statement(books, SEPTEMBER)
    await close(books, SEPTEMBER)
    final = await statement(books, SEPTEMBER)
    assert (final.state, final.lines, before.state) == ("final", before.lines, "provisional")
    books.world.clock.now_ms = SEPTEMBER.end_ms - 1
    await books.post([5 * WON])
    await books.sweep_then_settle(floor_micro=2 * WON, charge_micro=WON)
    assert await statement(books, SEPTEMBER) == final
    october = await statement(books, OCTOBER)
    late = [line for line in october.lines if line.is_late]
    assert [(line.service_month, line.calls, line.exact_micro.charge) for line in late] == [
        (SEPTEMBER, 2, 6 * WON)
    ]
    assert final.booked_micro.charge + october.booked_micro.charge == await payable(books)
    await close(books, OCTOBER)
    async with books.world.pool.connection() as conn:
        kept = await closed_lines(conn, OCTOBER)
        cursor = await conn.execute(
            "select row_text::jsonb ->> 'lines_sha256' from change where kind = 'closed_month' order by id"
        )
        logged = [row[0] for row in await cursor.fetchall()]
    assert kept == list(october.lines)
    assert logged == [final.lines_sha256, lines_sha256(kept)]
    await books.seal()
    await export_bundle(str(books.world.pool.conninfo), SEED, tmp_path / "bundle", programme=None, now=NOW)
    with BundleFiles(tmp_path / "bundle") as files:
        assert verify_bundle(files).findings == []
    assert [one for one in check(tmp_path / "bundle").findings if "closed_month" in str(one)] == []


@pytest.mark.parametrize(
    ("month", "changed", "code"),
    [
        (SEPTEMBER, {"holds_open": 1}, "holds_open"),
        (SEPTEMBER, {"holds_open": None}, "holds_unknown"),
        (OCTOBER, {}, "month_before_open"),
        (SEPTEMBER, {"now": datetime(2026, 9, 30, 14, 59, 59, tzinfo=UTC)}, "month_not_over"),
        (Month(2096, 9), {"now": datetime(2096, 11, 1, tzinfo=UTC)}, "month_not_over"),  # by the books' clock
        (SEPTEMBER, {"reason": " "}, "reason_required"),
    ],
)
async def test_a_month_is_not_closed(
    books: AuditedWorld, month: Month, changed: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await close(books, month, **changed)  # type: ignore[arg-type] # the columns of the table
    assert refused.value.code == code
    assert (await statement(books, SEPTEMBER)).state == "provisional"


async def test_a_month_is_closed_once_and_for_good(books: AuditedWorld) -> None:
    await close(books, SEPTEMBER, now=datetime(2026, 9, 30, 15, 0, tzinfo=UTC))
    with pytest.raises(Refused) as again:
        await close(books, SEPTEMBER)
    assert again.value.code == "wrong_state"
    async with books.world.pool.connection() as conn:
        for query in (
            "update closed_month set lines = 0",
            "delete from statement_line",
            "update late_usage set month = '2026-08'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(query.encode())


async def test_the_database_takes_nothing_into_a_closed_month(books: AuditedWorld) -> None:
    """Whoever writes past the program is told so, and an older version to wait."""
    await close(books, SEPTEMBER)
    async with books.world.pool.connection() as conn:
        for query in (
            "insert into late_usage values ('op_0', 9, '2026-09')",
            "with b as (insert into batch (id, root) values (900, sha256('')) returning id)"
            " insert into entry (id, kind, programme_id, voucher_id, batch_id, booked_at)"
            " select 900, 'grant', 'p', 'v', 900, timestamptz '2026-09-30 23:59:59+09' from b",
        ):
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                await conn.execute(query.encode())
        columns = await (
            await conn.execute(
                "select string_agg(column_name, ', ') from information_schema.columns"
                " where table_name = 'usage' and column_name not in ('op', 'batch_id', 'seq')"
            )
        ).fetchone()
        assert columns is not None
        chosen = f"select 'forged', 901, {columns[0]} from usage where op = 'op_0'"
        copied = f"insert into usage (op, batch_id, {columns[0]}) {chosen}"
        async with conn.transaction(force_rollback=True):
            await conn.execute("insert into batch (id, root) values (901, sha256(''))")
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                async with conn.transaction():
                    await conn.execute(copied.encode())
            await conn.execute("insert into late_usage values ('forged', 0, '2026-10')")
            await conn.execute(copied.encode())


async def test_posting_and_closing_follow_each_other(books: AuditedWorld) -> None:
    """While a batch is being booked no month is closed, and the reverse."""
    async with books.world.pool.connection() as conn, books.world.pool.connection() as other:
        await other.execute("set lock_timeout = 50")
        deed = Deed(OPERATOR, NOW, "r-1", "마감")
        async with conn.transaction():
            await read_state(conn, [])
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await close_month(other, SEPTEMBER, holds_open=0, deed=deed)
        async with conn.transaction(force_rollback=True):
            await close_month(conn, SEPTEMBER, holds_open=0, deed=deed)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await read_state(other, [])
        await other.execute("reset lock_timeout")
