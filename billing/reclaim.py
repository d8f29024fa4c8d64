"""Lent money back from the purse, where a voucher's line is to become shorter.

It makes SQL transactions of its own (the intent before, the return after), so it comes before
`billing.funds.set_capacities`, never inside its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from billing.database import Connection
from billing.funds import FundsChange
from billing.loans import recall_loan
from metering.purse import Purse


class Short(Exception):
    """Lent money must come back before this can be; `refused` says so where it does not."""

    def __init__(self, refused: Exception, funds: Sequence[FundsChange]) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.funds = tuple(funds)


async def reclaim(purse: Purse, conn: Connection, voucher_id: str, need_micro: int) -> int:
    """Ask the voucher's open loans for unspent money until `need_micro` came back; -> what did.

    `conn` must be outside any SQL transaction: each return is committed on its own.
    """
    assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE, "reclaim commits by itself"
    cursor = await conn.execute(
        "select l.lane, l.n from loan l join lane_epoch e using (lane, n)"
        " where l.voucher_id = %s and e.state = 'open' order by l.lane, l.n",
        [voucher_id],
    )
    returned = 0
    for lane, n in await cursor.fetchall():
        if returned < need_micro:
            returned += await recall_loan(
                purse, conn, lane=lane, n=n, voucher_id=voucher_id, amount_micro=need_micro - returned
            )
    return returned


async def prepare_change(purse: Purse, conn: Connection, change: FundsChange) -> None:
    """Before a grant is lowered: get back from the purse what the lower line needs.

    Then call set_capacities.
    """
    cursor = await conn.execute(
        "select capacity_micro, free_micro from funds where voucher_id = %s", [change.voucher_id]
    )
    row = await cursor.fetchone()
    if row is not None and (need := row[0] - change.capacity_micro - row[1]) > 0:
        await reclaim(purse, conn, change.voucher_id, need)
