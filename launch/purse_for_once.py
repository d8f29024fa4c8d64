"""The purse for those who need it seldom: opened for one deed, and done without where it is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from billing.database import Connection
from billing.funds import FundsChange
from billing.reclaim import prepare_change
from metering.purse import Purse, PurseUnavailable
from metering.purse_redis import RedisPurse, connect_purse

log = structlog.get_logger(__name__)


@asynccontextmanager
async def purse_for_once(redis_url: str | None) -> AsyncIterator[RedisPurse | None]:
    """None where there is none, or it is away."""
    if redis_url is None:
        yield None
        return
    try:
        purse = await connect_purse(redis_url)
    except PurseUnavailable as error:
        log.warning("purse_unavailable", reason=str(error))
        yield None
        return
    try:
        yield purse
    finally:
        await purse.close()


async def get_back(purse: Purse, conn: Connection, funds: Sequence[FundsChange]) -> None:
    """Before lines are lowered: what was lent and is not spent, as far as it comes; the rest stays lent."""
    try:
        for change in funds:
            await prepare_change(purse, conn, change)
    except PurseUnavailable as error:
        log.warning("purse_unavailable", reason=str(error))
