"""What the worker does for payments to providers: sends transfers, and hears of those that came back.

Looked for before it is sent: the answer to an earlier call may have been lost. Whoever is killed anywhere
leaves the job, and the next one comes to the same end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.casework.deeds import By
from billing.casework.rows import row_of, rows_of
from billing.database import Connection
from billing.payables.accounts import destination
from billing.payables.booking import learn, words_of
from billing.payables.facts import Told
from billing.payables.port import Outgoing, Transfers
from billing.payments.port import RailRefused, RailUnavailable
from billing.payments.rows import end_job
from billing.secrets import Secrets

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PayoutWork:
    rail: Transfers
    secrets: Secrets
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def _by(self) -> By:
        return By(self.rail.name, "clock", self.now())

    async def send(self, conn: Connection, payout_id: str) -> None:
        """Raises RailUnavailable: nothing is known, and the job stays."""
        told: tuple[Told, ...] = ()
        if await words_of(conn, payout_id) == {"sent"}:
            told = await self.rail.look([payout_id])
            if not told:
                told = await self._sent(conn, payout_id)
            if not told:
                raise RailUnavailable(f"transfer {payout_id} was asked for and is not there yet")
        async with conn.transaction():
            await learn(conn, told, by=self._by)
            await end_job(conn, "transfer", payout_id)

    async def _sent(self, conn: Connection, payout_id: str) -> tuple[Told, ...]:
        row = await row_of(
            conn,
            "select o.amount_won, o.memo, a.* from payout o join payout_account a on a.id = o.account_id"
            " where o.id = %s",
            [payout_id],
        )
        to = destination(row, self.secrets)
        try:
            return await self.rail.send([Outgoing(payout_id, row["amount_won"], row["memo"], to)])
        except RailRefused as refused:
            _log.warning("transfer_refused payout=%s reason=%s", payout_id, refused)
            return (Told(payout_id, "returned", ref=refused.code[:100], reason=str(refused)[:200]),)

    async def heard_of(self, conn: Connection, transfer_id: str) -> tuple[Told, ...]:
        """What is so of a transfer that a webhook named; nothing where it is none of ours."""
        payout_id = await self.rail.payout_of(transfer_id)
        if payout_id is None:
            return ()
        ours = await rows_of(conn, "select 1 from payout where (id, rail) = (%s, 'stripe')", [payout_id])
        return await self.rail.look([payout_id]) if ours else ()

    async def learn(self, conn: Connection, told: tuple[Told, ...]) -> None:
        """In the caller's SQL transaction."""
        await learn(conn, told, by=self._by)
