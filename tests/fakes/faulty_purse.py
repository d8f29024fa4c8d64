"""A purse behind a bad line, for histories in which words and answers are lost."""

from __future__ import annotations

import random

from metering.purse import HoldRef, Loan, OtherEpoch, PurseUnavailable, SettleOutcome, Vacant
from metering.purse_memory import MemoryPurse


class WorkerKilled(Exception):
    pass


class FaultyPurse(MemoryPurse):
    """A purse behind a bad line: a word, or its answer, is lost with `loss`; a worker dies where `dies` says.

    Reserving stays whole: what a gateway does about a hold it knows nothing of is tested with the gateway.
    """

    chance: random.Random
    loss = 0.0
    dies = False

    def _maybe_lost(self) -> None:
        if self.chance.random() < self.loss:
            raise PurseUnavailable

    async def delete_log(self, *, lane: int, entry_ids: list[str]) -> None:
        if self.dies:
            self.dies = False
            raise WorkerKilled
        await MemoryPurse.delete_log(self, lane=lane, entry_ids=entry_ids)

    async def settle(self, hold: HoldRef, *, charge_micro: int, tokens: int, event: bytes) -> SettleOutcome:
        self._maybe_lost()
        answer = await MemoryPurse.settle(self, hold, charge_micro=charge_micro, tokens=tokens, event=event)
        self._maybe_lost()
        return answer

    async def vacate(self, *, lane: int, nonce: str, used_ticket: str | None, stale_n: int) -> str | None:
        answer = await MemoryPurse.vacate(
            self, lane=lane, nonce=nonce, used_ticket=used_ticket, stale_n=stale_n
        )
        self._maybe_lost()
        return answer

    async def open(self, *, lane: int, n: int, ticket: str) -> bool:
        self._maybe_lost()
        answer = await MemoryPurse.open(self, lane=lane, n=n, ticket=ticket)
        self._maybe_lost()
        return answer

    async def lend(self, *, lane: int, n: int, loan: Loan) -> bool | Vacant | OtherEpoch:
        self._maybe_lost()
        answer = await MemoryPurse.lend(self, lane=lane, n=n, loan=loan)
        self._maybe_lost()
        return answer

    async def recall(
        self, *, lane: int, n: int, voucher_id: str, version: int, target_micro: int
    ) -> int | Vacant | OtherEpoch | None:
        self._maybe_lost()
        answer = await MemoryPurse.recall(
            self, lane=lane, n=n, voucher_id=voucher_id, version=version, target_micro=target_micro
        )
        self._maybe_lost()
        return answer
