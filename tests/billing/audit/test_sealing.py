"""What is written becomes a batch, batches become the log, and nothing of the books stays outside."""

from __future__ import annotations

import psycopg
import pytest

from billing.audit.batch_store import allot
from billing.audit.head import TreeHead
from billing.audit.leaf import NO_BATCH_BEFORE, Batch
from billing.audit.merkle import Tree
from billing.audit.sealing import make_signer, newest_head, seal
from billing.database import Pool
from tests.fakes.audited_world import SEED, AuditedWorld

REFUSED = psycopg.errors.ObjectNotInPrerequisiteState


async def test_every_write_is_a_batch_and_every_batch_gets_a_number(pool: Pool) -> None:
    world = await AuditedWorld.make(pool)
    await world.post([100, 200])
    await world.post([300])
    async with pool.connection() as conn:
        signer = await make_signer(conn, SEED)
        # Who signs, two words about either voucher's funds, its grants, one loan, two times calls.
        assert await seal(conn, signer) == 10
        assert await seal(conn, signer) == 0
        cursor = await conn.execute(
            "select number, root, change_rows, entry_rows, posting_rows, usage_rows, parked_rows, at_ms,"
            " previous from log join batch on id = batch_id order by number"
        )
        batches = [Batch(row[0], row[1], tuple(row[2:7]), *row[7:]) for row in await cursor.fetchall()]
        head = await newest_head(conn)
    tree, previous = Tree(), NO_BATCH_BEFORE
    for number, batch in enumerate(batches):
        assert (batch.number, batch.previous) == (number, previous)
        previous = batch.leaf()
        tree.add(previous)
    assert head is not None
    assert (head.size, head.root) == (11, tree.root())
    assert TreeHead.read(head.note).is_signed_by(signer.key)


async def test_a_head_is_signed_only_over_something_new_and_once_a_minute(pool: Pool) -> None:
    world = await AuditedWorld.make(pool)
    async with pool.connection() as conn:
        signer = await make_signer(conn, SEED)
        await seal(conn, signer)
        first = await newest_head(conn)
        await seal(conn, signer)
        await world.post([100])
        await seal(conn, signer)
        assert await newest_head(conn) == first


@pytest.mark.parametrize("table", ["usage", "entry", "parked"])
async def test_a_row_outside_the_log_is_refused(pool: Pool, table: str) -> None:
    world = await AuditedWorld.make(pool)
    await world.post([100])
    async with pool.connection() as conn:
        if table == "parked":
            columns = "lane, stream_id, kind, op, reason, payload"
            insert = f"insert into parked ({columns}{{0}}) values (0, '', '', '', '', ''{{1}})"
        elif table == "entry":
            insert = "insert into entry (kind, programme_id, voucher_id{0}) values ('grant', 'p', 'v'{1})"
        else:
            await conn.execute(
                "create temporary table again as select * from usage limit 1;"
                "alter table again drop batch_id; update again set op = 'again', seq = 999"
            )
            cursor = await conn.execute(
                "select string_agg(column_name, ',') from information_schema.columns"
                " where table_name = 'again'"
            )
            [(names,)] = await cursor.fetchall()
            insert = f"insert into usage ({names}{{0}}) select {names}{{1}} from again"
        with pytest.raises(REFUSED):
            await conn.execute(insert.format("", "").encode())
        earlier = await (await conn.execute("select max(id) from batch")).fetchone()
        assert earlier is not None
        with pytest.raises(REFUSED):
            await conn.execute(insert.format(", batch_id", f", {earlier[0]}").encode())


async def test_the_batches_of_a_voucher_are_in_the_order_of_its_line(pool: Pool) -> None:
    """Ids are taken under the lock of the voucher's funds, so that a later one was committed later."""
    async with pool.connection() as conn:
        first = await allot(conn, 2)
        second = await allot(conn, 0)
    assert first.batch_id < second.batch_id
    assert len(first.entry_ids) == 2


@pytest.mark.parametrize("table", ["batch", "log", "log_node", "tree_head", "change"])
@pytest.mark.parametrize("change", ["delete from {}", "truncate {} cascade"])
def test_the_log_s_tables_refuse_change(books_url: str, table: str, change: str) -> None:
    with psycopg.connect(books_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(change.format(table).encode())
