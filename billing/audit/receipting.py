"""Making a receipt: the call's batches are read again, and proved to be those of the log."""

from __future__ import annotations

from billing.audit.exporting import copied, sealing_alone
from billing.audit.head import Signer
from billing.audit.leaf import RECORD_TABLES, Batch, record_hash
from billing.audit.merkle import Node, Tree, cover, inclusion_ranges, proof
from billing.audit.receipt import Receipt, Step
from billing.audit.sealing import Head, log_origin, read_nodes, seal_these, sign_now
from billing.audit.stored_lines import lines_of_batch
from billing.database import Connection, connect


class NoSuchCall(Exception):
    """The books have no call of this usage id (yet)."""


class NotAsLogged(Exception):
    """The rows of a batch no longer have its root: somebody changed the books."""


async def make_receipt(database_url: str, seed: bytes, usage_id: str) -> Receipt:
    """Raises NoSuchCall, NotAsLogged, psycopg.Error."""
    conn = await connect(database_url, statement_timeout_ms=0)
    async with conn:
        signer = Signer(await log_origin(conn), seed)
        async with sealing_alone(conn, signer):
            cursor = await conn.execute("select batch_id from batch_waiting order by batch_id")
            await seal_these(conn, [row[0] for row in await cursor.fetchall()])
            head = await sign_now(conn, signer)
        cursor = await conn.execute(
            "select u.step, l.number, b.id, b.root, b.change_rows, b.entry_rows, b.posting_rows,"
            " b.usage_rows, b.parked_rows, b.at_ms, l.previous from usage u join batch b on b.id = u.batch_id"
            " join log l on l.batch_id = b.id where u.op = %s and l.number < %s order by u.step",
            [usage_id, head.size],
        )
        steps = []
        for step, number, batch_id, root, *counts, at_ms, previous in await cursor.fetchall():
            batch = Batch(number, root, tuple(counts), at_ms, previous)
            steps.append(await _step(conn, usage_id, step, batch_id, batch, head))
    if not steps:
        raise NoSuchCall(f"The books have no call {usage_id}.")
    return Receipt(usage_id, steps, head.note, str(signer.key))


async def _step(conn: Connection, usage_id: str, step: int, batch_id: int, batch: Batch, head: Head) -> Step:
    tree, index, record = Tree(), -1, b""
    nodes: dict[Node, bytes] = {}
    asked = f"{usage_id}\t{step}\t".encode()  # our ops hold nothing that COPY escapes
    for table in RECORD_TABLES:
        async for row in copied(conn, lines_of_batch(table), {"batch_id": batch_id}):
            line = row.split(b"\t", 2)[2]
            if table == "usage" and line.startswith(asked):
                index, record = tree.size, line
            nodes.update(tree.add(record_hash(table, line)))
    if tree.root() != batch.root or index < 0:
        raise NotAsLogged(f"The rows of batch {batch.number} are not those that were logged.")
    ranges = inclusion_ranges(batch.number, head.size)
    log_nodes = await read_nodes(conn, [node for start, end in ranges for node in cover(start, end)])
    return Step(
        record=f"usage\t{record.decode()}",
        index=index,
        size=tree.size,
        path=proof(inclusion_ranges(index, tree.size), nodes.__getitem__),
        batch=f"batch\t{batch.line().decode()}",
        log_path=proof(ranges, log_nodes.__getitem__),
    )
