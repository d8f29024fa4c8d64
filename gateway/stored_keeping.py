"""One call's side of what its vendor keeps: bound before the client learns the id, followed if it goes on."""

from __future__ import annotations

from gateway.exchange import Exchange
from gateway.stored import Stored
from gateway.stored_bindings import is_usable
from gateway.stored_vendor import UNREADABLE
from metering.usage import Usage
from providers.catalogue import UpstreamTarget
from providers.dialect import Answer, Fold
from providers.progress import Listening


class Keeping:
    __slots__ = ("_bindings", "_bound_id", "_container_id", "_exchange", "_is_asked")

    def __init__(self, stored: Stored, exchange: Exchange) -> None:
        self._bindings = stored.bindings
        self._exchange = exchange
        self._is_asked = exchange.facts.stores
        self._bound_id: str | None = None
        self._container_id: str | None = None  # bound as well

    @property
    def has_name(self) -> bool:
        """Whether it is bound, and can be asked for."""
        return is_usable(self._bound_id)

    def lacks(self, seen: Answer | Listening) -> bool:
        """Whether something is kept under an id that is not the company's yet."""
        if self._is_asked and seen.upstream_id != self._bound_id:
            return True
        return seen.container_id is not None and seen.container_id != self._container_id

    async def bind(
        self, target: UpstreamTarget, seen: Answer | Listening, *, is_attached: bool = False
    ) -> bool:
        """What is lacking. False: the books cannot be reached. `is_attached`: its stream is being read."""
        if self._is_asked and seen.upstream_id != self._bound_id:
            binds = self._bindings.attach if is_attached else self._bindings.bind
            vendor_id = seen.upstream_id
            if vendor_id is not None and not await binds(self._exchange, target, vendor_id):
                return False
            self._bound_id = vendor_id
        if (name := seen.container_id) is not None and name != self._container_id:
            if not await self._bindings.bind_container(self._exchange, target, name):
                return False
            self._container_id = name
        return True

    def may_go_on(self, fold: Fold) -> bool:
        """A stream is over, and its answer perhaps is not: what is kept may be made whole all the same."""
        is_open = fold.usage is None and not fold.done and (fold.error is None or _is_unreadable(fold))
        return is_open and self._is_asked and is_usable(fold.upstream_id)

    async def go_on(self, target: UpstreamTarget, vendor_id: str | None, *, delivered: int = 0) -> bool:
        """From now on the call is followed, and its hold is not ours to end. False: as above."""
        assert vendor_id is not None, "what can be asked for has an id"
        return await self._bindings.go_on(self._exchange, target, vendor_id, delivered=delivered)

    def end(self, *, is_settled: bool) -> None:
        """Its stream is read no more."""
        self._bindings.detach(self._exchange, is_settled=is_settled)

    def unheard(self, seen: Listening | Answer | None) -> tuple[Usage | None, bool]:
        """(usage, estimated) where the vendor took the call, said nothing of its end, and cannot be asked.

        What was begun in the background goes on at its vendor without us: its input at least is billed. Where
        the vendor itself says that it failed, nothing is.
        """
        if not self._exchange.facts.background or (
            seen is not None and seen.error is not None and not _is_unreadable(seen)
        ):
            return None, False
        return self._exchange.delivered_usage(0), True


def _is_unreadable(seen: Listening | Answer) -> bool:
    return seen.error is not None and seen.error.code == UNREADABLE
