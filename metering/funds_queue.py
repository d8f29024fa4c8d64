"""Who waits for money that other calls hold: first come, first served, one queue per company.

Only the head of a queue asks the purse again: when a call of the same company ends here, or at the latest
after a short pause, since calls of other processes end unseen. As long as each gets an answer, twice as many
ask at once, in their order: a process that gets little time would else serve one per turn, and the patience
of the others would end before the money. Everybody's patience is bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

POLL_S: Final = 0.05
ASKING_MAX: Final = 16


class Turn(asyncio.Event):
    """A place in a queue; set: it may be time to ask."""

    has_asked = False


@dataclass(slots=True)
class _Queue:
    turns: deque[Turn] = field(default_factory=deque)
    asking: int = 1  # so many of the first may ask

    def wake(self) -> None:
        for turn in islice(self.turns, self.asking):
            turn.set()


class FundsQueue:
    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    def is_waiting(self, company_id: str) -> bool:
        return company_id in self._queues

    def waiting(self) -> int:
        return sum(len(queue.turns) for queue in self._queues.values())

    def wake(self, company_id: str) -> None:
        """A call of this company ended: the first in its queue may try again."""
        if queue := self._queues.get(company_id):
            queue.wake()

    @asynccontextmanager
    async def place(self, company_id: str) -> AsyncIterator[Turn]:
        """A place at the end of the queue, left on exit; the next in line are woken."""
        turn = Turn()
        queue = self._queues.setdefault(company_id, _Queue())
        queue.turns.append(turn)
        if queue.turns[0] is turn:
            turn.set()
        try:
            yield turn
        finally:
            queue.turns.remove(turn)
            if turn.has_asked:
                queue.asking = min(2 * queue.asking, ASKING_MAX)
            if queue.turns:
                queue.wake()
            else:
                self._queues.pop(company_id, None)

    async def next_try(self, company_id: str, turn: Turn, deadline_s: float) -> bool:
        """Wait until it is this one's turn to ask again; False: its patience is over."""
        loop, queue = asyncio.get_running_loop(), self._queues[company_id]
        if turn.has_asked:
            turn.has_asked, queue.asking = False, 1  # in vain
        while not turn.has_asked:
            left_s = deadline_s - loop.time()
            if left_s <= 0:
                return False
            is_first = queue.turns[0] is turn
            try:
                async with asyncio.timeout(min(left_s, POLL_S) if is_first else left_s):
                    await turn.wait()
            except TimeoutError:
                turn.has_asked = is_first
                continue
            turn.clear()
            turn.has_asked = turn in islice(queue.turns, queue.asking)
        return True
