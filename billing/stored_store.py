"""What vendors store, and whose it is; and the calls that go on there, each followed by one gateway.

Every query of a company names it. A binding is made once: an id that a vendor hands out a second time stays
with whom it was given to first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.database import UNFINISHED_LOCK, Connection
from billing.idempotency_store import GATEWAY_LOST_S

CLAIMED_MAX: Final = 50  # of what others left, by one gateway at a time


@dataclass(frozen=True, slots=True)
class StoredRow:
    kind: str
    vendor_id: str
    company_id: str
    product_id: str
    target_id: str
    base_url: str
    op: str


_COLUMNS: Final = "s.kind, s.vendor_id, s.company_id, s.product_id, s.target_id, s.base_url, s.op"
_CLAIMED: Final = _COLUMNS.removesuffix("s.op") + "mine.op"  # two calls may have got one id


async def bind(conn: Connection, row: StoredRow, *, gateway_id: str, call: str | None) -> bool:
    """The thing is the company's from now on. `call`: it goes on, and the gateway follows it; said again, the
    later word counts, also on what its id is.

    False: the id is another company's, and stays so.
    """
    thing = [row.kind, row.base_url, row.vendor_id]
    async with conn.transaction():
        await conn.execute(
            "insert into stored (kind, base_url, vendor_id, company_id, product_id, target_id, op)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [*thing, row.company_id, row.product_id, row.target_id, row.op],
        )
        cursor = await conn.execute(
            "select company_id from stored where (kind, base_url, vendor_id) = (%s, %s, %s)", thing
        )
        [(owner,)] = await cursor.fetchall()
        if call is not None:
            await conn.execute(
                "insert into unfinished (op, kind, base_url, vendor_id, gateway_id, call)"
                " values (%s, %s, %s, %s, %s, %s) on conflict (op) do update set call = excluded.call,"
                " kind = excluded.kind, base_url = excluded.base_url, vendor_id = excluded.vendor_id"
                " where unfinished.gateway_id = excluded.gateway_id",
                [row.op, *thing, gateway_id, call],
            )
    return bool(owner == row.company_id)


async def find(
    conn: Connection, *, company_id: str, kind: str, vendor_id: str
) -> tuple[StoredRow, bool] | None:
    """The company's thing of this id, and whether its call still goes on."""
    cursor = await conn.execute(
        f"select {_COLUMNS}, exists (select from unfinished u"  # noqa: S608 - a constant of ours
        "  where (u.kind, u.base_url, u.vendor_id) = (s.kind, s.base_url, s.vendor_id))"
        " from stored s where (s.company_id, s.kind, s.vendor_id) = (%s, %s, %s) and s.deleted_at is null"
        " order by s.created_at desc limit 1",
        [company_id, kind, vendor_id],
    )
    row = await cursor.fetchone()
    return None if row is None else (StoredRow(*row[:7]), bool(row[7]))


async def delete(conn: Connection, row: StoredRow) -> None:
    """The vendor has deleted it: the id names nothing any more."""
    await conn.execute(
        "update stored set deleted_at = clock_timestamp()"
        " where (kind, base_url, vendor_id) = (%s, %s, %s) and deleted_at is null",
        [row.kind, row.base_url, row.vendor_id],
    )


async def note_delivered(conn: Connection, op: str, tokens: int) -> None:
    """A client has read so much of what goes on: a part of what its end is booked by, and never less."""
    await conn.execute(
        "update unfinished set call = jsonb_set(call::jsonb, '{delivered}', to_jsonb(greatest("
        "coalesce((call::jsonb ->> 'delivered')::bigint, 0), %s::bigint)))::text where op = %s",
        [tokens, op],
    )


async def delivered(conn: Connection, op: str) -> int:
    """What was noted of it; 0 where it does not go on."""
    cursor = await conn.execute(
        "select coalesce((call::jsonb ->> 'delivered')::bigint, 0) from unfinished where op = %s", [op]
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def note_end(conn: Connection, op: str) -> None:
    """Somebody saw its end: whoever follows it need not wait until it is time to ask."""
    await conn.execute(
        "update unfinished set call = jsonb_set(call::jsonb, '{is_seen}', 'true')::text where op = %s", [op]
    )


async def take_ends(conn: Connection, gateway_id: str) -> list[str]:
    """The calls this gateway follows whose end somebody saw, each told once."""
    cursor = await conn.execute(
        "update unfinished set call = (call::jsonb - 'is_seen')::text"
        " where gateway_id = %s and call like '%%is_seen%%' and call::jsonb ? 'is_seen' returning op",
        [gateway_id],
    )
    return [str(op) for (op,) in await cursor.fetchall()]


async def finish(conn: Connection, op: str) -> None:
    """The call has ended, and its end is written down."""
    await conn.execute("delete from unfinished where op = %s", [op])


async def hand_on(conn: Connection, gateway_id: str) -> None:
    """The gateway stops: what it follows is for whoever comes first."""
    await conn.execute("update unfinished set gateway_id = '' where gateway_id = %s", [gateway_id])


async def claim(
    conn: Connection, gateway_id: str, *, but: list[str] | None = None
) -> list[tuple[StoredRow, str]]:
    """What nobody follows any more is this gateway's from now on. -> each with its call

    With `but`, also what is its own already, except these calls: what it has claimed and never heard of.

    One gateway claims at a time. Row locks would not do: a row that another took in between is looked at
    again beside the gateway it was joined with before, and would be taken twice.
    """
    async with conn.transaction():
        await conn.execute("select pg_advisory_xact_lock(%s, 0)", [UNFINISHED_LOCK])
        cursor = await conn.execute(
            f"with mine as (update unfinished set gateway_id = %s where op in"  # noqa: S608 - as above
            " (select u.op from unfinished u left join gateway g on g.id = u.gateway_id"
            "  where g.id is null or g.ended_at is not null"
            "  or g.seen_at < clock_timestamp() - make_interval(secs => %s)"
            "  or (u.gateway_id = %s and not u.op = any(%s))"
            "  order by u.begun_at limit %s) returning *)"
            f" select {_CLAIMED}, mine.call from mine join stored s using (kind, base_url, vendor_id)"
            " order by mine.begun_at",
            [gateway_id, GATEWAY_LOST_S, None if but is None else gateway_id, but or [], CLAIMED_MAX],
        )
        return [(StoredRow(*row[:7]), str(row[7])) for row in await cursor.fetchall()]
