"""Books in memory that fall silent, hang, lend a little at a time, or wait for a gateway to leave."""

from __future__ import annotations

import asyncio

from metering.purse_memory import MemoryPurse
from metering.treasury import LendOutcome, NothingFree, TreasuryUnavailable
from tests.fakes.memory_treasury import MemoryTreasury


class FickleTreasury(MemoryTreasury):
    """Books that fall silent, hang, close epochs and know what a key spent."""

    def __init__(self, purse: MemoryPurse) -> None:
        super().__init__(purse)
        self.silent = False
        self.hangs = False
        self.closing: tuple[tuple[int, int], ...] = ()
        self.polled = 0
        self.day_asked: list[tuple[str, int]] = []
        self.day_spent_micro = 0
        self.pending = False
        self.answers_after_s = 0.0
        self.lends_at_once_micro: int | None = None
        self.renewed: list[int] = []

    async def poll(self, gateway_id: str) -> tuple[tuple[int, int], ...]:
        self.polled += 1
        if self.hangs:
            await asyncio.Event().wait()
        self._speak()
        return self.closing

    async def current_epoch(self, lane: int) -> int:
        self._speak()
        return await super().current_epoch(lane)

    async def renew_epoch(self, lane: int, stale_n: int) -> int:
        self._speak()
        self.renewed.append(stale_n)
        here = await self._purse.epoch_here(lane)
        if here is not None and here < self.newest[lane]:
            stale_n = here  # an old data set came back: what it holds is not current by the books
        return await super().renew_epoch(lane, stale_n)

    async def lend(self, *, lane: int, n: int, voucher_id: str, need_micro: int) -> LendOutcome:
        self._speak()
        fund = self.funds[voucher_id]
        kept = 0
        if self.lends_at_once_micro is not None:
            kept = max(0, fund.free_micro - self.lends_at_once_micro)
            fund.free_micro -= kept
        outcome = await super().lend(lane=lane, n=n, voucher_id=voucher_id, need_micro=need_micro)
        fund.free_micro += kept
        await asyncio.sleep(self.answers_after_s)  # they have looked; their answer is slow
        if isinstance(outcome, NothingFree) and self.pending:
            return NothingFree(pending=True, free_micro=fund.free_micro)
        return outcome

    async def key_spent_micro(self, key_id: str, day: int) -> int:
        self._speak()
        self.day_asked.append((key_id, day))
        return self.day_spent_micro

    def _speak(self) -> None:
        if self.silent:
            raise TreasuryUnavailable("the books are away")
