"""A gateway's last word to the books, where it ends in peace: no epoch need wait for it."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from billing.database import Pool
from billing.gateways import leave_epochs
from metering.meter import Meter
from metering.purse import PurseUnavailable
from metering.purse_redis import RedisPurse

FAREWELL_S: Final = 2.0

log = structlog.get_logger(__name__)


async def end_meter(pool: Pool, purse: RedisPurse, meter: Meter) -> None:
    """Where something of ours is still held or on its way, others find out and end it."""

    async def has_holds(lane: int, n: int) -> bool:
        return bool(await purse.open_ops(lane=lane, n=n, gateway_id=meter.gateway_id))

    await meter.close()
    if meter.unposted or meter.holds_open:
        return
    try:
        async with asyncio.timeout(FAREWELL_S), pool.connection() as conn:
            await leave_epochs(conn, meter.gateway_id, has_holds=has_holds)
    except (psycopg.Error, PoolTimeout, PurseUnavailable, TimeoutError) as error:
        log.warning("left without a word", reason=type(error).__name__)
