"""Books of a few lines: a treasury in memory over a memory purse, exact enough to run a gateway on."""

from __future__ import annotations

from dataclasses import dataclass

from metering.directory import Voucher
from metering.purse import Loan
from metering.purse_memory import MemoryPurse
from metering.treasury import EpochReplaced, LendOutcome, Lent, NothingFree


@dataclass(slots=True)
class Fund:
    voucher: Voucher
    free_micro: int
    lent_micro: int = 0
    version: int = 0


class MemoryTreasury:
    """metering.treasury.Treasury. Lends everything at once, or half where `halves` is set."""

    def __init__(self, purse: MemoryPurse, *, halves: bool = False) -> None:
        self._purse = purse
        self._halves = halves
        self.funds: dict[str, Fund] = {}
        self.newest: dict[int, int] = {}
        self.asked = 0
        self.is_missing = False

    def grant(self, voucher: Voucher, capacity_micro: int) -> None:
        self.funds[voucher.voucher_id] = Fund(voucher, capacity_micro)

    async def current_epoch(self, lane: int) -> int:
        here = await self._purse.epoch_here(lane)
        return here if here is not None else await self.renew_epoch(lane, 0)

    async def renew_epoch(self, lane: int, stale_n: int) -> int:
        ticket = await self._purse.vacate(lane=lane, nonce="t", used_ticket=None, stale_n=stale_n)
        if ticket is None:
            here = await self._purse.epoch_here(lane)
            assert here is not None
            return here
        n = self.newest[lane] = self.newest.get(lane, 0) + 1
        assert await self._purse.open(lane=lane, n=n, ticket=ticket)
        for fund in self.funds.values():
            fund.version = 0
        return n

    async def lend(self, *, lane: int, n: int, voucher_id: str, need_micro: int) -> LendOutcome:
        self.asked += 1
        fund = self.funds[voucher_id]
        amount = (
            max(fund.free_micro // 2, min(need_micro, fund.free_micro)) if self._halves else fund.free_micro
        )
        if not amount and fund.version:
            return NothingFree(pending=False, free_micro=fund.free_micro)
        fund.free_micro -= amount
        fund.lent_micro += amount
        fund.version += 1
        voucher = fund.voucher
        loan = Loan(
            voucher_id=voucher_id,
            version=fund.version,
            limit_micro=fund.lent_micro,
            ends_ms=voucher.ends_ms,
            state=voucher.state,
            granted_government_micro=voucher.government_granted_micro,
            granted_self_micro=voucher.self_granted_micro,
            before_micro=0,
            frozen_micro=0,
        )
        if await self._purse.lend(lane=lane, n=n, loan=loan) is not True:
            return EpochReplaced(await self.renew_epoch(lane, n))
        return Lent(fund.lent_micro, fund.free_micro)

    async def key_spent_micro(self, key_id: str, day: int) -> int:
        return 0

    async def poll(self, gateway_id: str) -> tuple[tuple[int, int], ...]:
        return ()

    async def is_gateway_missing(self, gateway_id: str) -> bool:
        return self.is_missing
