"""A voucher's funds in the books: what it was granted, how far its line reaches, what is free to lend.

`set_capacity` is called where a voucher is declared or changed, inside the caller's own SQL transaction.
`reclaim` asks the purse for lent money back; it makes SQL transactions of its own (the intent before, the
return after), so it comes before `set_capacity`, never inside its transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from billing.database import Connection
from billing.expiry import undo_expiry
from billing.ledger import rules
from billing.ledger.store import append_entries
from billing.loans import bump_open_loans, recall_loan
from metering import shares
from metering.keys import lane_of
from metering.purse import Purse


@dataclass(slots=True)
class BelowSpent(Exception):
    """The new capacity is below what is spent and held. Amounts are of the whole line, in micro-won."""

    voucher_id: str
    capacity_micro: int
    spent_micro: int
    held_micro: int

    def __str__(self) -> str:
        return (
            f"voucher {self.voucher_id}: {self.spent_micro} micro-won are spent and {self.held_micro}"
            f" lent or held,"
            f" more than the new {self.capacity_micro}"
        )


class FundsFixed(ValueError):
    """A voucher's company, programme and share are fixed once it has funds."""


@dataclass(frozen=True, slots=True)
class FundsChange:
    """What a declaration says of a voucher's money."""

    voucher_id: str
    company_id: str
    programme_id: str
    government_micro: int
    self_micro: int
    share_ppm: int
    ends_ms: int
    state: str

    @property
    def capacity_micro(self) -> int:
        return shares.capacity(
            grant_micro=self.government_micro, deposit_micro=self.self_micro, share_ppm=self.share_ppm
        ).total_micro


async def set_capacity(  # noqa: PLR0913 - the columns of a declaration, by name
    conn: Connection,
    *,
    voucher_id: str,
    company_id: str,
    programme_id: str,
    government_micro: int,
    self_micro: int,
    share_ppm: int,
    ends_ms: int,
    state: str,
) -> None:
    """Create or update a voucher's funds and book the differences. Raises BelowSpent, FundsFixed."""
    change = FundsChange(
        voucher_id, company_id, programme_id, government_micro, self_micro, share_ppm, ends_ms, state
    )
    row = await _locked_funds(conn, voucher_id)
    if row is None:
        # Two declarations at once: the second finds the row and updates it.
        await conn.execute(
            "insert into funds (voucher_id, company_id, programme_id, lane, share_ppm, government_micro,"
            " self_micro, capacity_micro, free_micro, state, ends_ms) values (%s, %s, %s, %s, %s, 0, 0,"
            " 0, 0, %s, %s)"
            " on conflict do nothing",
            [voucher_id, company_id, programme_id, lane_of(company_id), share_ppm, state, ends_ms],
        )
        row = await _locked_funds(conn, voucher_id)
        assert row is not None, "just inserted"
    await _update(conn, row, change)


@dataclass(frozen=True, slots=True)
class _Funds:
    company_id: str
    programme_id: str
    share_ppm: int
    government_micro: int
    self_micro: int
    capacity_micro: int
    free_micro: int
    charged_micro: int
    ends_ms: int
    state: str
    expired_micro: int


async def _locked_funds(conn: Connection, voucher_id: str) -> _Funds | None:
    cursor = await conn.execute(
        "select company_id, programme_id, share_ppm, government_micro, self_micro, capacity_micro,"
        " free_micro,"
        " charged_micro, ends_ms, state, expired_government_micro + expired_self_micro"
        " from funds where voucher_id = %s for update",
        [voucher_id],
    )
    row = await cursor.fetchone()
    return _Funds(*row) if row else None


async def _update(conn: Connection, old: _Funds, change: FundsChange) -> None:
    if (old.company_id, old.programme_id, old.share_ppm) != (
        change.company_id,
        change.programme_id,
        change.share_ppm,
    ):
        raise FundsFixed(f"voucher {change.voucher_id}: company, programme and share are fixed")
    money = (change.government_micro, change.self_micro)
    before = (old.government_micro, old.self_micro, old.ends_ms, old.state)
    if (*money, change.ends_ms, change.state) == before:
        return
    if old.expired_micro:
        await undo_expiry(conn, change.voucher_id)
        restored = await _locked_funds(conn, change.voucher_id)
        assert restored is not None, "locked above"
        old = restored
    capacity = change.capacity_micro
    free = old.free_micro + capacity - old.capacity_micro
    if free < 0:
        lent = old.capacity_micro - old.free_micro - old.charged_micro
        raise BelowSpent(change.voucher_id, capacity, old.charged_micro, lent)
    await conn.execute(
        "update funds set government_micro = %s, self_micro = %s, capacity_micro = %s, free_micro = %s,"
        " ends_ms = %s, state = %s where voucher_id = %s",
        [*money, capacity, free, change.ends_ms, change.state, change.voucher_id],
    )
    voucher = rules.VoucherRef(change.voucher_id, change.company_id, change.programme_id)
    entries = [
        rules.grant(voucher, amount_micro=change.government_micro - old.government_micro),
        rules.deposit(voucher, amount_micro=change.self_micro - old.self_micro),
        rules.capacity(voucher, amount_micro=capacity - old.capacity_micro),
    ]
    await append_entries(conn, [entry for entry in entries if entry.postings])
    await bump_open_loans(conn, [change.voucher_id])


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

    Then call set_capacity.
    """
    cursor = await conn.execute(
        "select capacity_micro, free_micro from funds where voucher_id = %s", [change.voucher_id]
    )
    row = await cursor.fetchone()
    if row is not None and (need := row[0] - change.capacity_micro - row[1]) > 0:
        await reclaim(purse, conn, change.voucher_id, need)
