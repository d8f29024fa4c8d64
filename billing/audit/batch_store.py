"""A batch as it is written: one row with the root over the records that the same SQL transaction writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.audit.leaf import Records
from billing.database import Connection


@dataclass(frozen=True, slots=True)
class Allotted:
    """Ids taken from their sequences; unused ones leave a gap that means nothing."""

    batch_id: int
    entry_ids: list[int]


NOTHING_ALLOTTED: Final = Allotted(0, [])


async def allot(conn: Connection, entries: int) -> Allotted:
    """An id for a batch and ids for its entries.

    Call it with the vouchers' funds rows locked: then the batches of a voucher are in the order of their ids.
    """
    cursor = await conn.execute(
        "select nextval('batch_id_seq'), array(select nextval('entry_id_seq') from generate_series(1, %s))",
        [entries],
    )
    row = await cursor.fetchone()
    assert row is not None, "a select without from has a row"
    return Allotted(row[0], row[1])


async def write_batch(conn: Connection, batch_id: int, records: Records) -> None:
    """Before the rows themselves, in the same SQL transaction: they are refused without it."""
    await conn.execute(
        "insert into batch (id, root, usage_rows, entry_rows, posting_rows, parked_rows)"
        " values (%s, %s, %s, %s, %s, %s)",
        [
            batch_id,
            records.root(),
            len(records.usage),
            len(records.entry),
            len(records.posting),
            len(records.parked),
        ],
    )
