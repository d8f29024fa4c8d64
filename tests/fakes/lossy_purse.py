"""A purse behind a line that loses words, loses answers, or hangs: which, the test says by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from metering.purse import (
    HoldRef,
    PurseUnavailable,
    ReserveOutcome,
    ReserveRequest,
    SettleOutcome,
    VoucherBalance,
)
from metering.purse_memory import MemoryPurse


class LossyPurse(MemoryPurse):
    """A purse behind a line that breaks: words named in `deaf` never arrive, answers in `mute` never come."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deaf: set[str] = set()
        self.mute: set[str] = set()
        self.hanging: set[str] = set()
        self.heard: list[str] = []
        self.just_before: dict[str, Callable[[], None]] = {}  # happens once, before the next such word

    async def _before(self, word: str) -> None:
        self.heard.append(word)
        self.just_before.pop(word, _nothing)()
        if word in self.hanging:
            await asyncio.Event().wait()
        if word in self.deaf:
            raise PurseUnavailable("no way there")

    def _after(self, word: str) -> None:
        if word in self.mute:
            raise PurseUnavailable("no way back")

    async def reserve(self, request: ReserveRequest) -> ReserveOutcome:
        await self._before("reserve")
        answer = await super().reserve(request)
        self._after("reserve")
        return answer

    async def settle(self, hold: HoldRef, *, charge_micro: int, tokens: int, event: bytes) -> SettleOutcome:
        await self._before("settle")
        answer = await super().settle(hold, charge_micro=charge_micro, tokens=tokens, event=event)
        self._after("settle")
        return answer

    async def extend(self, hold: HoldRef, **amounts: Any) -> Any:
        await self._before("extend")
        return await super().extend(hold, **amounts)

    async def note(self, **entry: Any) -> str:
        await self._before("note")
        return await super().note(**entry)

    async def balance(self, *, lane: int, n: int, voucher_id: str) -> VoucherBalance | None:
        await self._before("balance")
        return await super().balance(lane=lane, n=n, voucher_id=voucher_id)

    async def renew_lease(self, gateway_id: str) -> None:
        await self._before("renew_lease")
        await super().renew_lease(gateway_id)


def _nothing() -> None:
    return
