"""The moment in which a batch is made: whatever happens to us in it, what the vendor has begun is charged.

Before the vendor is asked it stands in the books that it is. Where its answer is lost, here or with the whole
process, the batch is known by our mark in its metadata: whoever follows the call looks for it. Where there is
none, nothing was used.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from gateway.background import Background
from gateway.batch_objects import MARK
from gateway.batch_request import BatchAsked
from gateway.exchange import Exchange
from gateway.files_vendor import FilesVendor, Lost
from gateway.outlet import Outlet
from gateway.ports import BooksUnavailable, StoredObject, StoredObjects, StoredThing
from gateway.problems import Problem, charged_failure
from metering.meter import Meter
from metering.wish import MeterUnavailable
from providers.catalogue import UpstreamTarget

_log = logging.getLogger(__name__)

BIND_TRIES: Final = 3
BIND_PAUSE_S: Final = 0.2
LOOK_PAUSE_S: Final = 1.0  # a list may lag behind what was made


class BatchBeginning:
    def __init__(
        self,
        *,
        meter: Meter,
        objects: StoredObjects,
        vendor: FilesVendor,
        background: Background,
        now_ms: Callable[[], int],
    ) -> None:
        self._meter = meter
        self._objects = objects
        self._vendor = vendor
        self._background = background
        self._now_ms = now_ms

    async def make(
        self,
        exchange: Exchange,
        thing: StoredThing,
        asked: BatchAsked,
        target: UpstreamTarget,
        outlet: Outlet,
    ) -> dict[str, Any]:
        """-> the batch as its vendor tells it. `thing`: as it is sought. Raises Problem."""
        op = exchange.meta.op
        followed = msgspec.structs.replace(self._background.describe(exchange), is_sought=True)
        self._background.attach(op)
        try:
            gateway_id = self._meter.gateway_id
            await self._objects.seek(thing, gateway_id=gateway_id, call=followed.to_text())
            said = await self._made(target, asked, op, exchange.meta.request_id)
        except BooksUnavailable as error:
            problem = Problem("meter_unavailable", retry_after_s=1)
            await self._release(exchange, problem)
            raise problem from error
        except BaseException as error:
            if isinstance(error, Problem) and not isinstance(error, Lost):
                await self._release(exchange, error)
                raise
            self._background.begin(followed, thing, exchange.held)
            outlet.may_be_charged = True
            if isinstance(error, Lost):
                raise _unknown(error.code) from None
            raise
        exchange.upstream_id = said["id"]
        return said

    async def keep(self, exchange: Exchange, one: StoredObject, outlet: Outlet) -> None:
        """Bound before the client can learn the id, and followed from now on. Raises Problem."""
        thing, op = one.thing, exchange.meta.op
        call = self._background.describe(exchange).to_text()
        is_ours: bool | None = None  # None: nobody could write it down
        try:
            is_ours = await self._bind(one, call)
        finally:
            if is_ours is not False:
                self._background.follow(exchange, thing, 0)
            if is_ours is None:
                self._background.give_up(op)
        if is_ours is None:
            outlet.is_charged = True  # cancelled, and charged for what it made: no repeat under its key
            raise charged_failure("meter_unavailable", op)
        if not is_ours:
            _log.error("stored_id_of_another kind=batch op=%s", op)
            problem = Problem("upstream_error")
            await self._release(exchange, problem)
            raise problem
        outlet.is_charged = True  # a repeat is answered alike

    # -- inside

    async def _made(
        self, target: UpstreamTarget, asked: BatchAsked, op: str, request_id: str
    ) -> dict[str, Any]:
        """Where the answer is lost it is looked for at once. Raises Problem; Lost, where it was not seen."""
        body = asked.for_vendor(MARK, op)
        since_s = self._now_ms() // 1000
        try:
            return await self._vendor.make(target, "/batches", body, request_id=request_id)
        except Lost as lost:
            for is_last in (False, True):
                try:
                    found = await self._vendor.find_marked(
                        target, "/batches", mark=MARK, op=op, since_s=since_s, request_id=request_id
                    )
                except Problem:
                    break  # the vendor is away: it is looked for from now on
                if found is not None:
                    return found
                if not is_last:
                    await asyncio.sleep(LOOK_PAUSE_S)
            raise lost

    async def _bind(self, one: StoredObject, call: str) -> bool | None:
        for tries_left in range(BIND_TRIES - 1, -1, -1):
            try:
                return await self._objects.add(one, gateway_id=self._meter.gateway_id, call=call)
            except BooksUnavailable:
                if tries_left:
                    await asyncio.sleep(BIND_PAUSE_S)
        return None

    async def _release(self, exchange: Exchange, error: BaseException) -> None:
        """The vendor has not taken it: nobody has to look for it."""
        self._background.detach(exchange.meta.op, is_settled=True)
        code = error.code if isinstance(error, Problem) else "upstream_error"
        event = exchange.end(
            usage=None,
            estimated=False,
            end_reason="upstream_timeout" if code == "upstream_timeout" else "upstream_error",
            now_ms=self._now_ms(),
            error=code,
        )
        try:
            await self._meter.settle(exchange.held, event, tokens=0)
        except MeterUnavailable:
            pass  # the hold cost nothing, and its end is written down or swept


def _unknown(code: str) -> Problem:
    return Problem(
        code,
        english="Nobody knows yet whether the vendor has begun this batch; it is looked for, and stands in "
        "GET /v1/batches if it was. Look there before you send it again.",
        korean="공급사가 이 배치를 시작했는지 아직 알 수 없습니다. 확인 중이며, 시작되었다면 "
        "GET /v1/batches에 나타납니다. 다시 보내기 전에 확인해 주세요.",
        charged=True,
    )


__all__ = ["BatchBeginning"]
