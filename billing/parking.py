"""Events that could not be applied: kept as they came, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from billing.audit.batch_store import allot, write_batch
from billing.audit.leaf import Records
from billing.database import Connection
from billing.posting_columns import copy_text
from billing.posting_state import ParkedEvent

REASON_CHARACTERS_MAX: Final = 500


async def park(conn: Connection, events: Sequence[ParkedEvent]) -> None:
    """A batch of parked events alone."""
    allotted = await allot(conn, 0)
    await write_batch(conn, allotted.batch_id, Records(parked=parked_lines(events)))
    await insert_parked(conn, events, allotted.batch_id)


def parked_lines(events: Sequence[ParkedEvent]) -> list[bytes]:
    """As lines of the log; of the payload only its hash."""
    return [
        "\t".join(
            (str(event.lane), *map(copy_text, _texts(event)), sha256(event.payload).hexdigest())
        ).encode()
        for event in events
    ]


async def insert_parked(conn: Connection, events: Sequence[ParkedEvent], batch_id: int) -> None:
    """After the batch was written, in the same SQL transaction."""
    columns = list(zip(*[(event.lane, *_texts(event), event.payload) for event in events], strict=True))
    await conn.execute(
        "insert into parked (lane, stream_id, kind, op, reason, payload, batch_id) select *, %s from"
        " unnest(%s::smallint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])",
        [batch_id, *map(list, columns)],
    )


def _texts(event: ParkedEvent) -> tuple[str, str, str, str]:
    texts = (event.stream_id, event.kind, event.op, event.reason[:REASON_CHARACTERS_MAX])
    stream_id, kind, op, reason = (text.replace("\0", "\N{SYMBOL FOR NULL}") for text in texts)
    return stream_id, kind, op, reason
