"""Sealing: gives written batches their numbers in the log, chains them, grows the tree, signs its heads.

One at a time, under a lock of its own; nobody who posts waits for it. A batch waits here for a second at most
while a worker lives, and for as long as none does: it is sealed then, none is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

from billing.audit.head import Signer
from billing.audit.leaf import NO_BATCH_BEFORE, Batch
from billing.audit.merkle import Node, Tree, cover
from billing.database import Connection

SEAL_LOCK: Final = 7604  # an advisory lock class, as in billing.database
SEAL_MAX: Final = 2000  # batches in one SQL transaction
HEAD_EVERY_MS: Final = 60_000

_BATCH: Final[LiteralString] = (
    "b.id, b.root, b.change_rows, b.entry_rows, b.posting_rows, b.usage_rows, b.parked_rows, b.at_ms"
)


@dataclass(frozen=True, slots=True)
class Head:
    size: int
    root: bytes
    note: str


async def log_origin(conn: Connection) -> str:
    """The name of this installation's log."""
    row = await (await conn.execute("select value from house where name = 'log_origin'")).fetchone()
    assert row is not None, "the migration made it"
    return str(row[0])


async def make_signer(conn: Connection, seed: bytes) -> Signer:
    return Signer(await log_origin(conn), seed)


async def seal(conn: Connection, signer: Signer | None) -> int:
    """One pass of the worker. -> how many batches were sealed; 0 too where somebody else is sealing."""
    async with conn.transaction():
        cursor = await conn.execute("select pg_try_advisory_xact_lock(%s, 0)", [SEAL_LOCK])
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return 0
        if signer is not None:
            await _name_signer(conn, signer)
        sealed = await _seal(conn, await _take_waiting(conn))
        if signer is not None:
            await _sign_if_due(conn, signer, every_ms=HEAD_EVERY_MS)
    return sealed


async def seal_these(conn: Connection, batch_ids: Sequence[int]) -> None:
    """Seal exactly these, all of them waiting. The caller holds the session's lock."""
    for start in range(0, len(batch_ids), SEAL_MAX):
        async with conn.transaction():
            cursor = await conn.execute(
                "delete from batch_waiting w using batch b"  # noqa: S608 - constants
                " where b.id = w.batch_id and b.id = any(%s)"
                " returning " + _BATCH,
                [list(batch_ids[start : start + SEAL_MAX])],
            )
            await _seal(conn, sorted(await cursor.fetchall()))


async def name_signer(conn: Connection, signer: Signer) -> None:
    async with conn.transaction():
        await _name_signer(conn, signer)


async def sign_now(conn: Connection, signer: Signer) -> Head:
    """The head over everything sealed; the newest one where nothing came since. The caller holds the lock."""
    async with conn.transaction():
        await _sign_if_due(conn, signer, every_ms=0)
    head = await newest_head(conn)
    assert head is not None, "just signed"
    return head


async def newest_head(conn: Connection) -> Head | None:
    cursor = await conn.execute("select size, root, note from tree_head order by size desc limit 1")
    row = await cursor.fetchone()
    return None if row is None else Head(*row)


async def _name_signer(conn: Connection, signer: Signer) -> None:
    """The log itself says which key signs from here on."""
    cursor = await conn.execute(
        "select row_text::jsonb ->> 'key' from change where kind = 'signer' order by id desc limit 1"
    )
    row = await cursor.fetchone()
    if row is None or row[0] != str(signer.key):
        await conn.execute(
            "select record_change('signer', jsonb_build_object('key', %s::text))", [str(signer.key)]
        )


async def _take_waiting(conn: Connection) -> list[tuple[int, ...]]:
    cursor = await conn.execute(
        "delete from batch_waiting w using batch b where b.id = w.batch_id and b.id in"  # noqa: S608 - constants
        " (select batch_id from batch_waiting order by batch_id limit %s) returning " + _BATCH,
        [SEAL_MAX],
    )
    return sorted(await cursor.fetchall())


async def _seal(conn: Connection, rows: Sequence[tuple[object, ...]]) -> int:
    if not rows:
        return 0
    tree, previous = await read_tree(conn)
    log: list[tuple[int, object, bytes]] = []
    nodes: list[tuple[Node, bytes]] = []
    for batch_id, root, *counts, at_ms in rows:
        batch = Batch(tree.size, root, tuple(counts), at_ms, previous)  # type: ignore[arg-type] # a row's columns
        log.append((batch.number, batch_id, previous))
        previous = batch.leaf()
        nodes += tree.add(previous)
    await conn.execute(
        "insert into log select * from unnest(%s::bigint[], %s::bigint[], %s::bytea[])",
        [list(column) for column in zip(*log, strict=True)],
    )
    levels, places = zip(*(node for node, _ in nodes), strict=True)
    await conn.execute(
        "insert into log_node select * from unnest(%s::smallint[], %s::bigint[], %s::bytea[])",
        [list(levels), list(places), [node_hash for _, node_hash in nodes]],
    )
    return len(rows)


async def read_tree(conn: Connection) -> tuple[Tree, bytes]:
    """The log's tree as it has grown, and the leaf hash of its last batch."""
    cursor = await conn.execute("select number from log order by number desc limit 1")
    row = await cursor.fetchone()
    if row is None:
        return Tree(), NO_BATCH_BEFORE
    size = row[0] + 1
    edge = cover(0, size)
    hashes = await read_nodes(conn, [*edge, (0, size - 1)])
    return Tree(size, [hashes[node] for node in edge]), hashes[0, size - 1]


async def read_nodes(conn: Connection, nodes: Sequence[Node]) -> dict[Node, bytes]:
    cursor = await conn.execute(
        "select level, place, hash from unnest(%s::smallint[], %s::bigint[]) asked (level, place)"
        " join log_node using (level, place)",
        [[level for level, _ in nodes], [place for _, place in nodes]],
    )
    return {(level, place): node_hash for level, place, node_hash in await cursor.fetchall()}


async def _sign_if_due(conn: Connection, signer: Signer, *, every_ms: int) -> None:
    """Only where something is new: a head of the same size says nothing more."""
    cursor = await conn.execute(
        "select (extract(epoch from clock_timestamp()) * 1000)::bigint, coalesce(max(size), 0),"
        " coalesce(max(at_ms), 0), (select coalesce(max(number), -1) + 1 from log) from tree_head"
    )
    row = await cursor.fetchone()
    assert row is not None, "an aggregate has a row"
    now_ms, last_size, last_ms, size = row
    if size <= last_size or now_ms < last_ms + every_ms:
        return
    tree, _ = await read_tree(conn)
    root = tree.root()
    note = signer.sign_head(size=tree.size, root=root, at_ms=now_ms, after_size=last_size)
    await conn.execute("insert into tree_head values (%s, %s, %s, %s)", [tree.size, root, now_ms, note])
