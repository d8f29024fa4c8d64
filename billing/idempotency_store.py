"""One call per Idempotency-Key: claimed in the books before the hold, answered from them afterwards.

The same key gets the same op for good, hence one charge, whatever happens to Redis or to the gateway that ran
it. A claim whose gateway is over is taken by the next request, under the old op. The kept answer is sealed
by the gateway; nothing here can read it.
"""

from __future__ import annotations

from typing import Final

from billing.database import Connection
from metering.claim import Answered, Claimed, ClaimOutcome, InProgress, Mismatch, NotKept

KEPT_S: Final = 24 * 3600
GATEWAY_LOST_S: Final = 30  # unseen in the books for this long: its running calls are cut
PURGE_MAX: Final = 5000


async def claim(
    conn: Connection,
    *,
    company_id: str,
    key_hash: bytes,
    body_hash: bytes,
    op: str,
    gateway_id: str,
    route: str = "",
) -> ClaimOutcome:
    """First of its key: Claimed with `op`. `route` may be left out where `key_hash` covers it."""
    async with conn.transaction():
        cursor = await conn.execute(
            "insert into idem as i (company_id, key_hash, route, body_hash, op, gateway_id, state,"
            " expires_at)"
            " values (%s, %s, %s, %s, %s, %s, 'running', clock_timestamp() + make_interval(secs => %s))"
            " on conflict (company_id, key_hash, route) do update set body_hash = excluded.body_hash,"
            " op = excluded.op, gateway_id = excluded.gateway_id, state = 'running', sealed = null,"
            " taken_over = false,"
            " expires_at = excluded.expires_at where i.expires_at < clock_timestamp() returning op",
            [company_id, key_hash, route, body_hash, op, gateway_id, KEPT_S],
        )
        if await cursor.fetchone():
            return Claimed(op)
        return await _claimed_before(
            conn, (company_id, key_hash, route), body_hash=body_hash, gateway_id=gateway_id
        )


async def finish(
    conn: Connection, *, company_id: str, key_hash: bytes, op: str, sealed: bytes | None, route: str = ""
) -> None:
    """The call was charged. `sealed` None: the answer was too large to keep."""
    await conn.execute(
        "update idem set state = %s, sealed = %s"
        " where company_id = %s and key_hash = %s and route = %s and op = %s",
        ["not_kept" if sealed is None else "answered", sealed, company_id, key_hash, route, op],
    )


async def forget(
    conn: Connection,
    *,
    company_id: str,
    key_hash: bytes,
    own_op: str | None,
    gateway_id: str,
    route: str = "",
) -> None:
    """Give up the gateway's claim, if it has one: the key may be used again.

    Under another op only where it was claimed with `own_op`: that of a dead gateway may have been charged,
    and so may one whose settlement nobody took (None). Then the key stays with its op for who comes next.
    For a gateway where no other call runs under the key.
    """
    row_key = [company_id, key_hash, route, gateway_id]
    async with conn.transaction():
        if own_op is not None:
            await conn.execute(
                "delete from idem where company_id = %s and key_hash = %s and route = %s"
                " and gateway_id = %s and op = %s and state = 'running'",
                [*row_key, own_op],
            )
        await conn.execute(
            "update idem set gateway_id = '' where company_id = %s and key_hash = %s and route = %s"
            " and gateway_id = %s and state = 'running'",
            row_key,
        )


async def _claimed_before(
    conn: Connection, row_key: tuple[str, bytes, str], *, body_hash: bytes, gateway_id: str
) -> ClaimOutcome:
    cursor = await conn.execute(
        "select i.body_hash, i.op, i.state, i.sealed, g.id is null or g.ended_at is not null"
        " or g.seen_at < clock_timestamp() - make_interval(secs => %s)"
        " from idem i left join gateway g on g.id = i.gateway_id"
        " where (i.company_id, i.key_hash, i.route) = (%s, %s, %s) for update of i",
        [GATEWAY_LOST_S, *row_key],
    )
    row = await cursor.fetchone()
    if row is None:
        return InProgress()  # forgotten between our two statements: the next attempt claims it
    first_body, first_op, state, sealed, lost = row
    if first_body != body_hash:
        return Mismatch()
    if state == "answered":
        return Answered(first_op, sealed)
    if state == "not_kept":
        return NotKept(first_op)
    if not lost:
        return InProgress()
    cursor = await conn.execute(
        "select charge_micro from usage where op = %s order by step desc limit 1", [first_op]
    )
    booked = await cursor.fetchone()
    if booked is not None and booked[0] > 0:
        await conn.execute(
            "update idem set state = 'not_kept' where (company_id, key_hash, route) = (%s, %s, %s)",
            [*row_key],
        )
        return NotKept(first_op)
    # Under its op also where that came to nothing: a dead gateway's journal may still tell of a charge.
    await conn.execute(
        "update idem set gateway_id = %s, taken_over = true"
        " where (company_id, key_hash, route) = (%s, %s, %s)",
        [gateway_id, *row_key],
    )
    return Claimed(first_op)


async def purge_expired(conn: Connection) -> None:
    """Forget what nobody may ask for any more, a bounded number at a time."""
    await conn.execute(
        "delete from idem where (company_id, key_hash, route) in (select company_id, key_hash, route from"
        " idem"
        " where expires_at < clock_timestamp() order by expires_at limit %s)",
        [PURGE_MAX],
    )
