"""One call's side of what its vendor keeps: bound before the client learns the id, followed if it goes on."""

from __future__ import annotations

from gateway.exchange import Exchange
from gateway.stored import USABLE_ID, Stored
from providers.catalogue import UpstreamTarget
from providers.dialect import Fold


class Keeping:
    __slots__ = ("_bound_id", "_exchange", "_is_asked", "_stored")

    def __init__(self, stored: Stored, exchange: Exchange) -> None:
        self._stored = stored
        self._exchange = exchange
        self._is_asked = exchange.facts.stores
        self._bound_id: str | None = None

    def lacks(self, vendor_id: str | None) -> bool:
        """Whether something is kept under an id that is not the company's yet."""
        return self._is_asked and vendor_id != self._bound_id

    async def bind(self, target: UpstreamTarget, vendor_id: str | None) -> bool:
        """False: the books cannot be reached."""
        if vendor_id is not None and not await self._stored.bind(self._exchange, target, vendor_id):
            return False
        self._bound_id = vendor_id
        return True

    def may_go_on(self, fold: Fold) -> bool:
        """A stream is over, and its answer perhaps is not: what is kept may be made whole all the same."""
        is_open = fold.usage is None and not fold.done and fold.error is None
        return is_open and self._is_asked and is_usable(fold.upstream_id)

    async def go_on(self, target: UpstreamTarget, vendor_id: str | None, *, delivered: int = 0) -> bool:
        """From now on the call is followed, and its hold is not ours to end. False: as above."""
        assert vendor_id is not None, "what can be asked for has an id"
        return await self._stored.bind(self._exchange, target, vendor_id, goes_on=True, delivered=delivered)


def is_usable(vendor_id: str | None) -> bool:
    return vendor_id is not None and USABLE_ID.fullmatch(vendor_id) is not None
