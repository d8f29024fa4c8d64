"""The treasury: lends the purse money from the books, and decides which epoch of a lane is current.

Everything is committed before the purse hears of it, and said in totals, so that a crash in between is
healed by the next request. An epoch is tied to the ticket of the data set that asked for it; it is opened
there and nowhere else. A voucher the purse forgot is never seeded again: the epoch is replaced.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4
from weakref import WeakValueDictionary

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from billing.database import LANE_EPOCH_LOCK, VOUCHER_LOAN_LOCK, Connection, Pool
from billing.gateways import touch_gateway
from billing.ledger import rules
from billing.ledger.store import append_entries
from billing.loans import LoanRow, confirm_sent, read_loan
from metering.keys import LANES, lane_of
from metering.money import MICRO_PER_WON
from metering.purse import Purse, VoucherBalance
from metering.treasury import EpochReplaced, LendOutcome, Lent, NothingFree, TreasuryUnavailable

LEND_ALL_BELOW_MICRO: Final = 100_000 * MICRO_PER_WON
RENEW_ATTEMPTS_MAX: Final = 8
NEVER_AN_EPOCH: Final = 0
MISSED_AFTER_S: Final = 4.0  # one that lives is seen every two seconds or three
SWEPT_WITHIN_S: Final = 30.0  # its lease, the sweeper's doubt, and some

_log = logging.getLogger(__name__)


class BooksMismatch(TreasuryUnavailable):
    """The database's lanes are not this program's, or Redis has seen epochs the books have not."""


@dataclass(frozen=True, slots=True)
class _Epoch:
    n: int
    state: str
    ticket: str


class SqlTreasury:
    """metering.treasury.Treasury. Raises TreasuryUnavailable (the books) and PurseUnavailable (Redis)."""

    def __init__(self, pool: Pool, purse: Purse) -> None:
        self._pool = pool
        self._purse = purse
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def current_epoch(self, lane: int) -> int:
        here = await self._purse.epoch_here(lane)
        async with self._connection() as conn:
            current = await _open_epoch(conn, lane)
        if current is not None and here == current.n:
            return current.n
        return await self.renew_epoch(lane, NEVER_AN_EPOCH)

    async def renew_epoch(self, lane: int, stale_n: int) -> int:
        """Raises TreasuryUnavailable too where the data set changes faster than it can be asked."""
        used_ticket: str | None = None
        for _ in range(RENEW_ATTEMPTS_MAX):
            # The purse is read first: whatever epoch it holds was in the books before it got there.
            here = await self._purse.epoch_here(lane)
            async with self._connection() as conn:
                current = await _open_epoch(conn, lane)
                newest = await _newest_n(conn, lane)
            if here is not None and here > newest:
                raise BooksMismatch(f"lane {lane}: Redis holds epoch {here}, the books know {newest}")
            if current is not None and here == current.n and current.n != stale_n:
                return current.n
            ticket = await self._purse.vacate(
                lane=lane,
                nonce=uuid4().hex,
                used_ticket=used_ticket,
                stale_n=here if here is not None else stale_n,
            )
            if ticket is None:
                continue  # living again: somebody was faster
            epoch = await self._tie(lane, ticket)
            if epoch.state != "open":
                used_ticket = ticket  # of an epoch that ended: this data set must ask anew
            elif await self._purse.open(lane=lane, n=epoch.n, ticket=ticket):
                return epoch.n
        raise TreasuryUnavailable(f"lane {lane}: no epoch after {RENEW_ATTEMPTS_MAX} attempts")

    async def lend(self, *, lane: int, n: int, voucher_id: str, need_micro: int) -> LendOutcome:
        """One request at a time per voucher: the second finds what the first lent."""
        # In this process they queue here, so that a burst does not use up the pool.
        queue = self._queues.setdefault(voucher_id, asyncio.Lock())
        async with queue, self._connection() as conn, voucher_lock(conn, voucher_id):
            outcome = await self._lend(conn, lane=lane, n=n, voucher_id=voucher_id, need_micro=need_micro)
        if outcome is None:
            return EpochReplaced(await self.renew_epoch(lane, n))
        return outcome

    async def key_spent_micro(self, key_id: str, day: int) -> int:
        async with self._connection() as conn:
            cursor = await conn.execute(
                "select spent_micro from key_day where key_id = %s and day = %s", [key_id, day]
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def poll(self, gateway_id: str) -> tuple[tuple[int, int], ...]:
        """The gateway lives; -> the epochs it is asked to leave."""
        async with self._connection() as conn:
            await touch_gateway(conn, gateway_id)
        return tuple(await self.epochs_to_leave(gateway_id))

    async def is_gateway_missing(self, gateway_id: str) -> bool:
        async with self._connection() as conn:
            cursor = await conn.execute(
                "select exists (select from gateway where id <> %s and buried_at is null"
                " and seen_at > clock_timestamp() - make_interval(secs => %s)"
                " and seen_at < clock_timestamp() - make_interval(secs => %s))",
                [gateway_id, SWEPT_WITHIN_S, MISSED_AFTER_S],
            )
            row = await cursor.fetchone()
        return bool(row and row[0])

    async def epochs_to_leave(self, gateway_id: str) -> list[tuple[int, int]]:
        """(lane, n) of closing epochs that wait for this gateway's `left`, used by it or not."""
        async with self._connection() as conn:
            cursor = await conn.execute(
                "select e.lane, e.n from lane_epoch e where e.state = 'closing' and not exists"
                " (select from left_epoch l where l.lane = e.lane and l.n = e.n and l.gateway_id = %s)"
                " order by e.lane, e.n",
                [gateway_id],
            )
            return [(lane, n) for lane, n in await cursor.fetchall()]

    # -- inside

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as conn:
                yield conn
        except (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise TreasuryUnavailable(str(error)) from error

    async def _tie(self, lane: int, ticket: str) -> _Epoch:
        """The epoch of this ticket; where it is unused, a new one, and the open one is set to closing."""
        async with self._connection() as conn, conn.transaction():
            await conn.execute("select pg_advisory_xact_lock(%s, %s)", [LANE_EPOCH_LOCK, lane])
            cursor = await conn.execute("select lane, n, state from lane_epoch where ticket = %s", [ticket])
            if row := await cursor.fetchone():
                # A ticket says nothing of its lane: the same one in two lanes would be a fault of the purse.
                assert row[0] == lane, "a ticket belongs to one lane"
                return _Epoch(row[1], row[2], ticket)
            n = await _newest_n(conn, lane) + 1
            await conn.execute(
                "update lane_epoch set state = 'closing', fenced_at = clock_timestamp()"
                " where lane = %s and state = 'open'",
                [lane],
            )
            await conn.execute(
                "insert into lane_epoch (lane, n, ticket, state) values (%s, %s, %s, 'open')",
                [lane, n, ticket],
            )
        _log.info("epoch_tied lane=%d n=%d", lane, n)
        return _Epoch(n, "open", ticket)

    async def _lend(
        self, conn: Connection, *, lane: int, n: int, voucher_id: str, need_micro: int
    ) -> LendOutcome | None:
        """None: the purse, or the books, have another epoch."""
        before = await self._purse.balance(lane=lane, n=n, voucher_id=voucher_id)
        known = await read_loan(conn, lane=lane, n=n, voucher_id=voucher_id)
        if before is None and (known is not None or await self._purse.epoch_here(lane) != n):
            # Lent by the books and unknown to the purse: lost, or never sent. Never seeded again.
            return None
        if before is not None and known is None:
            raise BooksMismatch(f"lane {lane}: Redis holds a loan of {voucher_id} that the books do not know")
        if before is not None and known is not None and _plenty(before, need_micro):
            return Lent(before.limit_micro, known.free_micro)
        async with conn.transaction():
            missing = need_micro if before is None else need_micro - _available(before)
            stated = await _draw(conn, lane=lane, n=n, voucher_id=voucher_id, missing_micro=missing)
        if stated is None:
            return await self._nothing_known(conn, lane=lane, n=n)
        loan, drawn = stated
        if await self._purse.lend(lane=lane, n=n, loan=loan.message()) is not True:
            return None
        await confirm_sent(conn, loan)
        if drawn or (before is not None and loan.told_micro > before.limit_micro):
            return Lent(loan.told_micro, loan.free_micro)
        # What calls hold is known to whoever was short; they cannot see what former epochs and tries keep.
        pending = bool(loan.frozen_micro) or await _gives_back(conn, voucher_id)
        return NothingFree(pending=pending, free_micro=loan.free_micro)

    async def _nothing_known(self, conn: Connection, *, lane: int, n: int) -> LendOutcome | None:
        current = await _open_epoch(conn, lane)
        if current is None or current.n != n:
            return None
        return NothingFree(pending=False, free_micro=0)  # a voucher without funds


@asynccontextmanager
async def voucher_lock(conn: Connection, voucher_id: str) -> AsyncIterator[None]:
    """Held from before the commit until the purse has heard: a crash of the holder frees it."""
    lock = [VOUCHER_LOAN_LOCK, voucher_id]
    await conn.execute("select pg_advisory_lock(%s, hashtext(%s))", lock)
    try:
        yield
    finally:
        try:
            await conn.execute("select pg_advisory_unlock(%s, hashtext(%s))", lock)
        except BaseException:
            await conn.close()  # a connection that may still hold the lock must not go back to the pool
            raise


async def _gives_back(conn: Connection, voucher_id: str) -> bool:
    """A call is made again, or just was, and the books still have what its lost gateway had given of it.

    Its end replaces that, and may cost less.
    """
    cursor = await conn.execute(
        "select exists (select from funds f join idem i on i.company_id = f.company_id and i.taken_over"
        " join gateway g on g.id = i.gateway_id and g.buried_at is null"
        " cross join lateral (select voucher_id, gateway_id, charge_micro from usage u where u.op = i.op"
        " order by step desc limit 1) booked"
        " where f.voucher_id = %s and booked.voucher_id = f.voucher_id and booked.charge_micro > 0"
        " and booked.gateway_id <> i.gateway_id)",
        [voucher_id],
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


def _plenty(balance: VoucherBalance, need_micro: int) -> bool:
    """Another request has just been served: there is no low water and the need is met."""
    available = _available(balance)
    return available > 0 and available >= need_micro and 2 * available >= balance.limit_micro


def _available(balance: VoucherBalance) -> int:
    return balance.limit_micro - balance.spent_micro - balance.held_micro


async def _draw(
    conn: Connection, *, lane: int, n: int, voucher_id: str, missing_micro: int
) -> tuple[LoanRow, int] | None:
    """Move money from free to the epoch's loan and state its totals under a new version. -> loan, amount."""
    cursor = await conn.execute(
        "select company_id, programme_id, free_micro, state, ends_ms from funds where voucher_id = %s for"
        " update",
        [voucher_id],
    )
    funds = await cursor.fetchone()
    # Share lock: the epoch cannot be set to closing while money is being lent to it.
    cursor = await conn.execute(
        "select from lane_epoch where lane = %s and n = %s and state = 'open' for share", [lane, n]
    )
    if funds is None or await cursor.fetchone() is None:
        return None
    company_id, programme_id, free, state, ends_ms = funds
    assert lane_of(company_id) == lane, f"{voucher_id} belongs to lane {lane_of(company_id)}"
    now_ms = (
        await (await conn.execute("select extract(epoch from clock_timestamp()) * 1000")).fetchone() or [0]
    )[0]
    amount = 0
    if state == "active" and now_ms < ends_ms:
        amount = free if free < LEND_ALL_BELOW_MICRO else min(free, max(free // 2, missing_micro))
    await conn.execute(
        "insert into loan as l (lane, n, voucher_id, ver, lent_micro, told_micro) values (%s, %s, %s, 1,"
        " %s, %s)"
        " on conflict (lane, n, voucher_id) do update set ver = l.ver + 1, recall_micro = null,"
        " lent_micro = l.lent_micro + excluded.lent_micro,"
        " told_micro = greatest(l.told_micro, l.lent_micro + excluded.lent_micro - l.returned_micro -"
        " l.beyond_micro)",
        [lane, n, voucher_id, amount, amount],
    )
    if amount:
        await conn.execute(
            "update funds set free_micro = free_micro - %s where voucher_id = %s", [amount, voucher_id]
        )
        voucher = rules.VoucherRef(voucher_id, company_id, programme_id)
        await append_entries(conn, [rules.lend(voucher, lane=lane, n=n, amount_micro=amount)])
    loan = await read_loan(conn, lane=lane, n=n, voucher_id=voucher_id)
    assert loan is not None, "just written"
    return loan, amount


async def _open_epoch(conn: Connection, lane: int) -> _Epoch | None:
    cursor = await conn.execute(
        "select n, state, ticket from lane_epoch where lane = %s and state = 'open'", [lane]
    )
    row = await cursor.fetchone()
    return _Epoch(*row) if row else None


async def _newest_n(conn: Connection, lane: int) -> int:
    cursor = await conn.execute("select coalesce(max(n), 0) from lane_epoch where lane = %s", [lane])
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def check_lanes(conn: Connection) -> None:
    """The lanes of the books are fixed at their first start. Raises BooksMismatch."""
    cursor = await conn.execute("select value from house where name = 'lanes'")
    row = await cursor.fetchone()
    if row is None or row[0] != str(LANES):
        raise BooksMismatch(f"the books run {row[0] if row else 'no'} lanes, this program {LANES}")
