"""Which gateway processes the books know: registered before they admit, seen while they live, then buried.

A closing epoch waits for every gateway that was registered while the epoch could be used. A gateway is
dead when its end was seen, or after a quarter of an hour of silence; it is buried once its `gone` is in
every lane.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from billing.database import Connection

UNSEEN_DEAD_S: Final = 900
TOUCH_EVERY_S: Final = 2


async def register_gateway(conn: Connection, gateway_id: str) -> None:
    """Before the gateway asks for its first epoch. Ids are never used twice."""
    await conn.execute("insert into gateway (id) values (%s) on conflict do nothing", [gateway_id])


async def touch_gateway(conn: Connection, gateway_id: str) -> None:
    await conn.execute(
        "insert into gateway as g (id) values (%s) on conflict (id) do update set seen_at = clock_timestamp()"
        " where g.seen_at < clock_timestamp() - make_interval(secs => %s)",
        [gateway_id, TOUCH_EVERY_S],
    )


async def mark_gateway_ended(conn: Connection, gateway_id: str) -> None:
    """Its process is known to be over: after a clean exit, or because whoever started it saw it end."""
    await conn.execute(
        "update gateway set ended_at = clock_timestamp() where id = %s and ended_at is null", [gateway_id]
    )


async def leave_epochs(
    conn: Connection, gateway_id: str, *, has_holds: Callable[[int, int], Awaitable[bool]]
) -> bool:
    """The last word of a gateway that ends in peace, all its events posted. False: it has a hold still."""
    cursor = await conn.execute("select lane, n from lane_epoch where state <> 'closed' order by lane, n")
    epochs = await cursor.fetchall()
    for lane, n in epochs:
        if await has_holds(lane, n):
            return False
    await conn.cursor().executemany(
        "insert into left_epoch (lane, n, gateway_id) values (%s, %s, %s) on conflict do nothing",
        [(lane, n, gateway_id) for lane, n in epochs],
    )
    return True


async def mark_all_ended(conn: Connection) -> None:
    """Of books that nobody uses: no gateway of their last life is left."""
    await conn.execute("update gateway set ended_at = clock_timestamp() where ended_at is null")
