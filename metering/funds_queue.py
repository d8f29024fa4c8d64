"""Who waits for money that other calls hold: first come, first served, one queue per company.

Only the head of a queue asks the purse again: when a call of the same company ends here, or at the latest
after a short pause, since calls of other processes end unseen. Everybody's patience is bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

POLL_S: Final = 0.05


class FundsQueue:
    def __init__(self) -> None:
        self._queues: dict[str, deque[asyncio.Event]] = {}

    def is_waiting(self, company_id: str) -> bool:
        return company_id in self._queues

    def waiting(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def wake(self, company_id: str) -> None:
        """A call of this company ended: the first in its queue may try again."""
        queue = self._queues.get(company_id)
        if queue:
            queue[0].set()

    @asynccontextmanager
    async def place(self, company_id: str) -> AsyncIterator[asyncio.Event]:
        """A place at the end of the queue, left on exit; the next in line is woken."""
        turn = asyncio.Event()
        queue = self._queues.setdefault(company_id, deque())
        queue.append(turn)
        if queue[0] is turn:
            turn.set()
        try:
            yield turn
        finally:
            queue.remove(turn)
            if queue:
                queue[0].set()
            else:
                self._queues.pop(company_id, None)

    def is_first(self, company_id: str, turn: asyncio.Event) -> bool:
        return self._queues[company_id][0] is turn

    async def next_try(self, company_id: str, turn: asyncio.Event, deadline_s: float) -> bool:
        """Wait until it is this one's turn to ask again; False: its patience is over."""
        loop = asyncio.get_running_loop()
        while True:
            left_s = deadline_s - loop.time()
            if left_s <= 0:
                return False
            first = self.is_first(company_id, turn)
            pause_s = min(left_s, POLL_S) if first else left_s
            try:
                async with asyncio.timeout(pause_s):
                    await turn.wait()
            except TimeoutError:
                if first:
                    return True
                continue
            turn.clear()
            if self.is_first(company_id, turn):
                return True
