"""`/v1/batches`: many calls in one file, begun now and answered within a day, for one charge.

A batch is one operation: its hold is what all its lines may cost, its price is that of the moment it begins,
and its end is found as that of a call in the background (gateway/background.py), whoever asks for it or not.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gateway.asgi.request import Request
from gateway.asgi.response import JSON, NO_CACHE, Headers
from gateway.auth import Caller
from gateway.background import Background
from gateway.background_end import Followed
from gateway.batch_admission import admit_batch
from gateway.batch_objects import MARK, BatchObjects, of_company
from gateway.batch_request import BatchAsked, read_batch_request
from gateway.calls import Calls, refusal_of, tag_of
from gateway.directory import Directory
from gateway.exchange import Exchange
from gateway.files_vendor import FilesVendor, Lost
from gateway.object_lists import list_of
from gateway.outlet import Outlet
from gateway.own_objects import OwnObjects
from gateway.ports import BooksUnavailable, StoredObject, StoredObjects, StoredThing
from gateway.problems import Problem, charged_failure
from gateway.telemetry import CallRecord
from metering.meter import Meter
from metering.wish import MeterUnavailable
from providers.catalogue import UpstreamTarget
from providers.facts import BadRequest
from providers.openai_files.objects import RESULT_FILES, is_running, shown
from providers.openai_files.routes import ObjectRoute

_log = logging.getLogger(__name__)

OPEN_MAX: Final = 20  # of one company
AT_ONCE_MAX: Final = 16  # questions of one company, per process
BIND_TRIES: Final = 3
BIND_PAUSE_S: Final = 0.2
LOOK_PAUSE_S: Final = 1.0  # a list may lag behind what was made
END_S: Final = 3.0  # what has just ended is soon charged, and shown after that


class Batches:
    def __init__(  # noqa: PLR0913 - what a batch needs, by name
        self,
        *,
        calls: Calls,
        meter: Meter,
        objects: StoredObjects,
        own: OwnObjects,
        vendor: FilesVendor,
        told: BatchObjects,
        background: Background,
        directory: Directory,
        now_ms: Callable[[], int],
    ) -> None:
        self._calls = calls
        self._meter = meter
        self._objects = objects
        self._own = own
        self._vendor = vendor
        self._background = background
        self._directory = directory
        self._now_ms = now_ms
        self._told = told
        self._asking = Counter[str]()

    async def answer(
        self, route: ObjectRoute, caller: Caller, request: Request, outlet: Outlet, record: CallRecord
    ) -> None:
        company_id = caller.company.company_id
        if self._asking[company_id] >= AT_ONCE_MAX:
            raise Problem("too_many_concurrent")
        self._asking[company_id] += 1
        try:
            if route.deed == "create":
                await self._create(caller, request, outlet, record)
                return
            body = await self._deed(route, caller, request, record)
        finally:
            self._asking[company_id] -= 1
            if not self._asking[company_id]:
                del self._asking[company_id]
        request_id = (b"x-request-id", record.request_id.encode())
        await outlet.whole(200, [JSON, NO_CACHE, request_id], body)

    # -- of those there are

    async def _deed(self, route: ObjectRoute, caller: Caller, request: Request, record: CallRecord) -> bytes:
        if route.deed == "list":
            return await list_of(self._objects, caller, "batch", request.query)
        one = await self._own.find(caller, "batch", route.vendor_id)
        target = self._own.target(one.thing)
        record.product, record.upstream = one.thing.product_id, target.target_id
        path, method = f"/batches/{one.thing.vendor_id}", "GET"
        if route.deed == "cancel":
            path, method = path + "/cancel", "POST"
        said = await self._vendor.ask(target, path, method=method, request_id=record.request_id)
        told = await self._told.learn(one, said, target)
        if not is_running(said):
            await self._background.is_told(one.thing, wait_s=END_S)
        return shown(told)

    # -- a new one

    async def _create(self, caller: Caller, request: Request, outlet: Outlet, record: CallRecord) -> None:
        record.dialect, record.operation = "openai", "batch"
        raw, body = await self._calls.read_body(request)
        try:
            asked = read_batch_request(body)
        except BadRequest as bad:
            raise refusal_of(bad) from None
        begin = partial(self._begin, caller, asked, tag_of(request), outlet, record)
        await self._calls.once(caller, request, outlet, record, said=raw, run=begin)

    async def _begin(
        self,
        caller: Caller,
        asked: BatchAsked,
        tag: str | None,
        outlet: Outlet,
        record: CallRecord,
        op: str,
    ) -> None:
        file = await self._own.find(caller, "file", asked.input_file_id, param="input_file_id")
        target = self._own.target(file.thing)
        admitted = admit_batch(caller, file, asked, self._directory, target=target, now_ms=self._now_ms())
        record.product, record.provider = admitted.product.product_id, admitted.product.provider_id
        await self._make_room(caller)
        record.usage_id, record.upstream = op, target.target_id
        held = await self._calls.hold(admitted, record, tag=tag, op=op)
        exchange = Exchange(
            meta=held.meta,
            facts=admitted.facts,
            product=admitted.product,
            ceiling=admitted.ceiling,
            held=held,
            body={},
            dialect=admitted.route.dialect,
            operation=admitted.route.operation,
            target_id=target.target_id,
            attempts=1,
        )
        try:
            said = await self._make(target, asked, op, record.request_id)
        except BaseException as error:
            await self._release(exchange, error)
            raise
        exchange.upstream_id = said["id"]
        told = await self._keep(exchange, file, said, outlet)
        headers: Headers = [
            JSON,
            (b"x-request-id", record.request_id.encode()),
            (b"x-voucher-usage-id", op.encode()),
        ]
        await outlet.whole(200, headers, shown(told))

    async def _make(
        self, target: UpstreamTarget, asked: BatchAsked, op: str, request_id: str
    ) -> dict[str, Any]:
        """Where the answer is lost the batch may run all the same, and cost: it is looked for."""
        body = asked.for_vendor(MARK, op)
        try:
            return await self._vendor.make(target, "/batches", body, request_id=request_id)
        except Lost:
            for is_last in (False, True):
                found = await self._vendor.find_marked(
                    target, "/batches", mark=MARK, op=op, request_id=request_id
                )
                if found is not None:
                    return found
                if not is_last:
                    await asyncio.sleep(LOOK_PAUSE_S)
            raise

    async def _make_room(self, caller: Caller) -> None:
        if not self._background.has_room:
            raise Problem("meter_unavailable", retry_after_s=30)
        try:
            had = await self._objects.totals(caller.company.company_id)
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None
        if had.open_batches >= OPEN_MAX:
            raise Problem(
                "too_many_concurrent",
                english=f"{OPEN_MAX} batches of the company run already; wait for one to end.",
                korean=f"진행 중인 배치가 이미 {OPEN_MAX}개입니다. 끝난 뒤에 다시 시도해 주세요.",
                retry_after_s=60,
            )

    async def _keep(
        self, exchange: Exchange, file: StoredObject, said: dict[str, Any], outlet: Outlet
    ) -> dict[str, Any]:
        """Bound before the client can learn the id, and followed from now on. Raises Problem."""
        theirs, op = file.thing, exchange.meta.op
        thing = StoredThing(
            kind="batch",
            vendor_id=said["id"],
            company_id=theirs.company_id,
            product_id=theirs.product_id,
            target_id=theirs.target_id,
            base_url=theirs.base_url,
            op=op,
        )
        told = of_company(thing, theirs.vendor_id, said)
        told |= dict.fromkeys(RESULT_FILES)  # theirs are bound when they are asked for
        one = StoredObject(thing=thing, shown=shown(told), input_file=theirs.vendor_id)
        call = Followed.of(exchange, begun_ms=self._now_ms(), delivered=0).to_text()
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
        return told

    async def _bind(self, one: StoredObject, call: str) -> bool | None:
        for tries_left in range(BIND_TRIES - 1, -1, -1):
            try:
                return await self._objects.add(one, gateway_id=self._meter.gateway_id, call=call)
            except BooksUnavailable:
                if tries_left:
                    await asyncio.sleep(BIND_PAUSE_S)
        return None

    async def _release(self, exchange: Exchange, error: BaseException) -> None:
        """The vendor has not taken it."""
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


__all__ = ["Batches"]
