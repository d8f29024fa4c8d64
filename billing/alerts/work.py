"""What the worker does for alerts: look, make deliveries, send what is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from billing.alerts import outbox
from billing.alerts.finding import find
from billing.alerts.mail import Relay
from billing.alerts.outbox import Outcome
from billing.alerts.posting import Poster
from billing.casework.rows import Row
from billing.database import Connection

LOOK_EVERY: Final = timedelta(seconds=5)
DAYS: Final = (30, 7, 1)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class AlertWork:
    """`relay` None: mail is off. `days`: how long before an end it is told."""

    poster: Poster
    relay: Relay | None = None
    days: Sequence[int] = DAYS
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _looked_at: datetime | None = field(default=None, init=False)

    async def work_once(self, conn: Connection) -> int:
        """-> how many deliveries were tried. `conn` is outside any SQL transaction."""
        now = self.now()
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            await find(conn, now=now, days=self.days)
            self._looked_at = now
        await outbox.fan_out(conn, now=now, has_mail=self.relay is not None)
        taken = await outbox.take(conn, now=now, has_mail=self.relay is not None)
        trying = [asyncio.ensure_future(self._try(row)) for row in taken]
        try:
            for tried in asyncio.as_completed(trying):
                row, outcome = await tried
                await outbox.settle(conn, row, outcome, now=self.now())
        finally:
            for one in trying:
                one.cancel()
            await asyncio.gather(*trying, return_exceptions=True)
        return len(taken)

    async def _try(self, row: Row) -> tuple[Row, Outcome]:
        try:
            if row["channel"] == "webhook":
                return row, await self.poster.send(row, now=self.now())
            assert self.relay is not None, "without one no mail is taken"
            return row, await self.relay.send(row)
        except Exception as error:  # noqa: BLE001 - one delivery must not stand in the way of the others
            _log.exception("delivery_failed delivery=%s", row["id"])
            return row, Outcome(f"a fault of ours: {type(error).__name__}")

    async def close(self) -> None:
        await self.poster.close()
