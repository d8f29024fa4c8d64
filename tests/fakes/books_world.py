"""A voucher, a purse and the books in one hand, for tests that say what happens rather than how."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from billing.database import Connection, Pool
from billing.funds import set_capacity
from billing.ledger.store import TrialBalance, trial_balance
from billing.treasury import SqlTreasury
from metering.directory import KeyLimits
from metering.event import UsageEvent
from metering.keys import lane_of
from metering.purse import HoldRef, Reserved, ReserveRequest
from metering.purse_memory import MemoryPurse
from tests.fakes.call_meta import START_MS, call_meta

WON = 1_000_000
META = call_meta("")
COMPANY = META.company
VOUCHER = "gaonde-2026"
LANE = lane_of(COMPANY)
ENDS_MS = 4_000_000_000_000
NO_LIMITS = KeyLimits()


@dataclass(slots=True)
class Clock:
    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass(slots=True)
class World:
    pool: Pool
    clock: Clock = field(default_factory=Clock)
    voucher: str = VOUCHER  # that calls are made of
    purse: MemoryPurse = field(init=False)
    treasury: SqlTreasury = field(init=False)
    ops: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.purse = MemoryPurse(now_ms=self.clock)
        self.treasury = SqlTreasury(self.pool, self.purse)

    def use(self, purse: MemoryPurse) -> None:
        self.purse = purse
        self.treasury = SqlTreasury(self.pool, purse)

    async def fund(
        self,
        *,
        government_won: int,
        self_won: int = 0,
        share_ppm: int = 1_000_000,
        state: str = "active",
        conn: Connection | None = None,
    ) -> None:
        async def declare(on: Connection) -> None:
            await set_capacity(
                on,
                voucher_id=VOUCHER,
                company_id=COMPANY,
                programme_id="p",
                government_micro=government_won * WON,
                self_micro=self_won * WON,
                share_ppm=share_ppm,
                ends_ms=ENDS_MS,
                state=state,
            )

        if conn is not None:
            await declare(conn)
            return
        async with self.pool.connection() as own, own.transaction():
            await declare(own)

    async def reserve(self, n: int, micro: int, *, gateway_id: str = "g1", op: str = "") -> str:
        op = op or f"op{next(self.ops)}"
        outcome = await self.purse.reserve(
            ReserveRequest(
                op=op,
                lane=LANE,
                n=n,
                gateway_id=gateway_id,
                vouchers=(self.voucher,),
                want_micro=micro,
                least_micro=micro,
                key_id=META.key_id,
                tokens=0,
                limits=KeyLimits(),
                meta=call_meta(op, gateway_id).to_bytes(),
            )
        )
        assert isinstance(outcome, Reserved), outcome
        return op

    def event(self, op: str, n: int, charge_micro: int, *, gateway_id: str = "g1") -> UsageEvent:
        return UsageEvent(
            meta=call_meta(op, gateway_id),
            n=n,
            voucher=self.voucher,
            held_at_ms=self.clock.now_ms,
            finished_ms=self.clock.now_ms + 5,
            status="settled" if charge_micro else "released",
            end_reason="completed",
            charge_micro=charge_micro,
            tokens={"input": 12, "output": 40},
        )

    async def settle(self, op: str, n: int, charge_micro: int, *, gateway_id: str = "g1") -> None:
        hold = HoldRef(LANE, n, op, self.voucher, META.key_id, gateway_id)
        event = self.event(op, n, charge_micro, gateway_id=gateway_id).to_bytes()
        await self.purse.settle(hold, charge_micro=charge_micro, tokens=52, event=event)

    async def call(self, n: int, micro: int) -> str:
        op = await self.reserve(n, micro)
        await self.settle(op, n, micro)
        return op

    async def balance(self) -> TrialBalance:
        async with self.pool.connection() as conn:
            return await trial_balance(conn)

    async def sound(self) -> dict[str, int]:
        """The accounts, after the books were found sound."""
        balance = await self.balance()
        assert balance.faults == ()
        assert balance.total_micro == 0
        return balance.accounts

    async def funds(self) -> tuple[int, int, int]:
        """free, charged, capacity."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(
                "select free_micro, charged_micro, capacity_micro from funds where voucher_id = %s", [VOUCHER]
            )
            row = await cursor.fetchone()
        assert row is not None
        return (row[0], row[1], row[2])
