"""Running streams whose hold is all but used: who of them goes on, who waits, and who gives up. Pure.

Money that is nearly gone would be divided evenly by streams that advance side by side, until none of them can
end. So the last of it is for the eldest: it ends, what it held and did not need is free, and the next is the
eldest. The others wait for that, while their vendors are not read. As long as anything moves, waiting is
better than ending; where nothing has moved for a while, not even the eldest can go on, and the youngest
gives up. What it leaves is offered to the others before the next one does, which then takes not as long.

All this is about the calls of one process on one voucher; of the others it sees the money move. What one
that died held stands still until it is swept: that is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from metering.wish import Held

NEXT_S: Final = 1.0  # without movement, between one that gives up and the next
MISSING_S: Final = 25.0  # until what a gateway held that fell silent is surely swept
WAIT_MAX_S: Final = 60.0  # of one stream, in one wait, whatever moves


@dataclass(slots=True)
class _Calls:
    """The running calls of one voucher in one epoch."""

    running: int = 0
    waiting: set[str] = field(default_factory=set)
    growing: dict[str, Held] = field(default_factory=dict)  # in the order in which they began
    money: tuple[int, int] = (-1, -1)  # available and held, as last seen by one that waits
    moved_s: float = 0.0
    one_gave_up: bool = False  # since the last time that nobody waited


class Pressed:
    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self.somebody_is_missing = False  # another gateway: what it holds will come free
        self._calls: dict[tuple[int, str], _Calls] = {}

    def begin(self, held: Held) -> None:
        calls = self._calls.get(place := _place(held))
        if calls is None:
            calls = self._calls[place] = _Calls()
        calls.running += 1
        if held.grows:
            calls.growing[held.ref.op] = held

    def end(self, held: Held) -> None:
        calls = self._calls[place := _place(held)]
        calls.running -= 1
        calls.growing.pop(held.ref.op, None)
        if not calls.running:
            del self._calls[place]

    def is_first(self, held: Held) -> bool:
        """Is this the eldest call that still grows?"""
        calls = self._calls.get(_place(held), _Calls())
        while calls.growing:
            op, eldest = next(iter(calls.growing.items()))
            if eldest.granted_micro < eldest.want_micro:
                return eldest is held
            del calls.growing[op]  # it has all it can ever need
        return True

    def running(self, voucher_id: str, n: int) -> int:
        calls = self._calls.get((n, voucher_id))
        return 0 if calls is None else calls.running

    def is_any(self, voucher_ids: Iterable[str], n: int) -> bool:
        """Does a running call of these vouchers wait for money?"""
        places = (self._calls.get((n, voucher_id)) for voucher_id in voucher_ids)
        return any(calls is not None and calls.waiting for calls in places)

    @contextmanager
    def waiting(self, held: Held) -> Iterator[None]:
        """While a stream waits, with its vendor unread."""
        calls = self._calls[_place(held)]
        calls.waiting.add(held.ref.op)
        try:
            yield
        finally:
            calls.waiting.discard(held.ref.op)
            calls.one_gave_up = calls.one_gave_up and bool(calls.waiting)

    def gives_up(self, held: Held, *, money: tuple[int, int], since_s: float, now_s: float) -> bool:
        """Has this stream, which waits since `since_s`, to end now? `money`: as the purse just told it."""
        if now_s - since_s >= WAIT_MAX_S:
            return True
        calls = self._calls[_place(held)]
        if calls.money != money or len(calls.waiting) < calls.running:
            calls.money, calls.moved_s = money, now_s
        patience_s = min(NEXT_S, self._patience_s) if calls.one_gave_up else self._patience_s
        if self.somebody_is_missing:
            patience_s = max(patience_s, MISSING_S)
        if now_s - max(calls.moved_s, since_s) < patience_s:
            return False
        if held.ref.op != next(reversed(calls.growing), held.ref.op):
            return False
        calls.moved_s, calls.one_gave_up = now_s, True
        return True


def _place(held: Held) -> tuple[int, str]:
    return held.ref.n, held.ref.voucher_id
