"""A voucher's funds in the books: what it was granted, how far its line reaches, what is free to lend.

`set_capacities` is called where vouchers are declared or changed, inside the caller's own SQL transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from billing.database import Connection
from billing.expiry import undo_expiry
from billing.ledger import rules
from billing.ledger.journal import Entry
from billing.ledger.store import append_entries
from billing.loans import bump_open_loans
from metering import shares
from metering.keys import lane_of


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
    """A voucher's company, programme and share are fixed once it has funds; all of it once it is settled."""


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
    """`set_capacities` of one voucher. Raises BelowSpent, FundsFixed."""
    change = FundsChange(
        voucher_id, company_id, programme_id, government_micro, self_micro, share_ppm, ends_ms, state
    )
    for refusal in (await set_capacities(conn, [change])).values():
        raise refusal


async def set_capacities(
    conn: Connection, changes: Sequence[FundsChange]
) -> dict[str, BelowSpent | FundsFixed]:
    """Create or update the funds of these vouchers, each named once, and book the differences.

    -> what is refused, by voucher. Rows are locked in the order in which the poster locks them, so that
    neither waits for the other in a circle.
    """
    changes = sorted(changes, key=lambda change: change.voucher_id)
    await _insert_missing(conn, changes)
    locked = await _locked_funds(conn, [change.voucher_id for change in changes])
    refused: dict[str, BelowSpent | FundsFixed] = {}
    updates = []
    for change in changes:
        old = locked[change.voucher_id]
        try:
            if not _differs(old, change):
                continue
            await _not_settled(conn, change.voucher_id)
            if old.expired_micro:
                await undo_expiry(conn, change.voucher_id)
                old = (await _locked_funds(conn, [change.voucher_id]))[change.voucher_id]
            updates.append(_updated(old, change))
        except (BelowSpent, FundsFixed) as refusal:
            refused[change.voucher_id] = refusal
    await _write(conn, updates)
    return refused


@dataclass(frozen=True, slots=True)
class _Funds:
    voucher_id: str
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


@dataclass(frozen=True, slots=True)
class _Update:
    change: FundsChange
    capacity_micro: int
    free_micro: int
    entries: tuple[Entry, ...]


async def _insert_missing(conn: Connection, changes: Sequence[FundsChange]) -> None:
    """Empty rows; of two declarations at once the second finds the first one's."""
    await conn.execute(
        "insert into funds (voucher_id, company_id, programme_id, lane, share_ppm, government_micro,"
        " self_micro, capacity_micro, free_micro, state, ends_ms)"
        " select voucher_id, company_id, programme_id, lane, share_ppm, 0, 0, 0, 0, state, ends_ms"
        " from unnest(%s::text[], %s::text[], %s::text[], %s::smallint[], %s::integer[], %s::text[],"
        " %s::bigint[]) as new (voucher_id, company_id, programme_id, lane, share_ppm, state, ends_ms)"
        " on conflict do nothing",
        [
            [change.voucher_id for change in changes],
            [change.company_id for change in changes],
            [change.programme_id for change in changes],
            [lane_of(change.company_id) for change in changes],
            [change.share_ppm for change in changes],
            [change.state for change in changes],
            [change.ends_ms for change in changes],
        ],
    )


async def _locked_funds(conn: Connection, voucher_ids: list[str]) -> dict[str, _Funds]:
    cursor = await conn.execute(
        "select voucher_id, company_id, programme_id, share_ppm, government_micro, self_micro,"
        " capacity_micro, free_micro, charged_micro, ends_ms, state,"
        " expired_government_micro + expired_self_micro"
        " from funds where voucher_id = any(%s) order by voucher_id for update",
        [voucher_ids],
    )
    return {row[0]: _Funds(*row) for row in await cursor.fetchall()}


async def _not_settled(conn: Connection, voucher_id: str) -> None:
    """What expired has gone back, or is about to. Raises FundsFixed."""
    cursor = await conn.execute("select 1 from settlement where voucher_id = %s", [voucher_id])
    if await cursor.fetchone() is not None:
        raise FundsFixed(f"voucher {voucher_id}: its settlement has begun, and it stays as it is")


def _differs(old: _Funds, change: FundsChange) -> bool:
    """Raises FundsFixed."""
    if (old.company_id, old.programme_id, old.share_ppm) != (
        change.company_id,
        change.programme_id,
        change.share_ppm,
    ):
        raise FundsFixed(f"voucher {change.voucher_id}: company, programme and share are fixed")
    return (old.government_micro, old.self_micro, old.ends_ms, old.state) != (
        change.government_micro,
        change.self_micro,
        change.ends_ms,
        change.state,
    )


def _updated(old: _Funds, change: FundsChange) -> _Update:
    """Raises BelowSpent."""
    capacity = change.capacity_micro
    free = old.free_micro + capacity - old.capacity_micro
    if free < 0:
        lent = old.capacity_micro - old.free_micro - old.charged_micro
        raise BelowSpent(change.voucher_id, capacity, old.charged_micro, lent)
    voucher = rules.VoucherRef(change.voucher_id, change.company_id, change.programme_id)
    entries = (
        rules.grant(voucher, amount_micro=change.government_micro - old.government_micro),
        rules.deposit(voucher, amount_micro=change.self_micro - old.self_micro),
        rules.capacity(voucher, amount_micro=capacity - old.capacity_micro),
    )
    return _Update(change, capacity, free, tuple(entry for entry in entries if entry.postings))


async def _write(conn: Connection, updates: Sequence[_Update]) -> None:
    if not updates:
        return
    voucher_ids = [update.change.voucher_id for update in updates]
    await conn.execute(
        "update funds f set government_micro = new.government_micro, self_micro = new.self_micro,"
        " capacity_micro = new.capacity_micro, free_micro = new.free_micro, ends_ms = new.ends_ms,"
        " state = new.state"
        " from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],"
        " %s::text[]) as new (voucher_id, government_micro, self_micro, capacity_micro, free_micro,"
        " ends_ms, state) where f.voucher_id = new.voucher_id",
        [
            voucher_ids,
            [update.change.government_micro for update in updates],
            [update.change.self_micro for update in updates],
            [update.capacity_micro for update in updates],
            [update.free_micro for update in updates],
            [update.change.ends_ms for update in updates],
            [update.change.state for update in updates],
        ],
    )
    await append_entries(conn, [entry for update in updates for entry in update.entries])
    await bump_open_loans(conn, voucher_ids)
