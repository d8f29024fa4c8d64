"""What a vendor keeps becomes a company's, in the books, before its client can learn the id."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

from gateway.background import Background
from gateway.exchange import Exchange
from gateway.ports import BooksUnavailable, StoredThing, StoredThings
from gateway.stored_vendor import place_of
from providers.catalogue import UpstreamTarget

_log = logging.getLogger(__name__)

CONTAINER: Final = "container"  # as a kind of things
BIND_TRIES: Final = 3
BIND_PAUSE_S: Final = 0.2
# What may be kept: vendors' ids are words, or Base64, or a little odder; in a path they are quoted.
USABLE_ID: Final = re.compile(r"(?!\.{1,2}$)[!-~]{1,256}")


def is_usable(vendor_id: str | None) -> bool:
    return vendor_id is not None and USABLE_ID.fullmatch(vendor_id) is not None


class Bindings:
    def __init__(self, things: StoredThings, background: Background, gateway_id: str) -> None:
        self._things = things
        self._background = background
        self._gateway_id = gateway_id

    async def bind(self, exchange: Exchange, target: UpstreamTarget, vendor_id: str) -> bool:
        """False: the books cannot be reached."""
        if not is_usable(vendor_id):
            return True  # nobody can ask for it, whosever it is
        return await self._write(_thing(exchange, target, vendor_id), None)

    async def bind_container(self, exchange: Exchange, target: UpstreamTarget, vendor_id: str) -> bool:
        """Where the vendor has run code for the company: to be named again by it alone."""
        if not is_usable(vendor_id):
            return True
        return await self._write(_thing(exchange, target, vendor_id, kind=CONTAINER), None)

    async def attach(self, exchange: Exchange, target: UpstreamTarget, vendor_id: str) -> bool:
        """The same, and its stream is read here: were this gateway to die, another would follow it."""
        if not is_usable(vendor_id):
            return True
        thing = _thing(exchange, target, vendor_id)
        self._background.attach(thing.op)
        return await self._write(thing, self._background.describe(exchange).to_text())

    async def go_on(
        self, exchange: Exchange, target: UpstreamTarget, vendor_id: str, *, delivered: int
    ) -> bool:
        """The same, and it is followed, bound or not: its hold is not the caller's to end any more."""
        assert is_usable(vendor_id), "nothing else can be asked for"
        thing = _thing(exchange, target, vendor_id)
        followed = self._background.describe(exchange, delivered)
        is_bound = False
        try:
            is_bound = await self._write(thing, followed.to_text())
        finally:  # not before its row is written, which its end takes away
            self._background.begin(followed, thing, exchange.held)
            if not is_bound:
                self._background.give_up(thing.op)
        return is_bound

    def detach(self, exchange: Exchange, *, is_settled: bool) -> None:
        """Its stream is read no more."""
        self._background.detach(exchange.meta.op, is_settled=is_settled)

    async def _write(self, thing: StoredThing, call: str | None) -> bool:
        for tries_left in range(BIND_TRIES - 1, -1, -1):
            try:
                is_ours = await self._things.bind(thing, gateway_id=self._gateway_id, call=call)
            except BooksUnavailable:
                if tries_left:
                    await asyncio.sleep(BIND_PAUSE_S)
                continue
            if not is_ours:
                _log.error("stored_id_of_another kind=%s op=%s", thing.kind, thing.op)
            return True
        return False


def _thing(
    exchange: Exchange, target: UpstreamTarget, vendor_id: str, *, kind: str | None = None
) -> StoredThing:
    stored = exchange.operation.stored
    assert kind or stored, "only what can be asked for again is stored"
    return StoredThing(
        kind=kind or (stored.name if stored else ""),
        vendor_id=vendor_id,
        company_id=exchange.meta.company,
        product_id=exchange.product.product_id,
        target_id=place_of(target),
        base_url=target.base_url,
        op=exchange.meta.op,
    )
