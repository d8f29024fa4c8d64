"""`/v1/batches`: many calls in one file, begun now and answered within a day, for one charge.

A batch is one operation: its hold is what all its lines may cost, its price is that of the moment it begins,
and its end is found as that of a call in the background (gateway/background.py), whoever asks for it or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from gateway.asgi.request import Request
from gateway.asgi.response import JSON, NO_CACHE, Headers
from gateway.auth import Caller
from gateway.background import Background
from gateway.batch_admission import admit_batch
from gateway.batch_beginning import BatchBeginning
from gateway.batch_objects import BatchObjects, begun, sought
from gateway.batch_request import BatchAsked, read_batch_request
from gateway.calls import Calls, refusal_of, tag_of
from gateway.directory import Directory
from gateway.exchange import Exchange
from gateway.files_vendor import FilesVendor
from gateway.object_lists import list_of
from gateway.outlet import Outlet
from gateway.own_objects import OwnObjects
from gateway.ports import BooksUnavailable, StoredObject, StoredObjects
from gateway.problems import Problem
from gateway.telemetry import CallRecord
from metering.meter import Meter
from providers.facts import BadRequest
from providers.openai_files.objects import is_running, shown
from providers.openai_files.routes import ObjectRoute

OPEN_MAX: Final = 20  # of one company
AT_ONCE_MAX: Final = 16  # questions of one company, per process
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
        self._objects = objects
        self._own = own
        self._vendor = vendor
        self._background = background
        self._directory = directory
        self._now_ms = now_ms
        self._told = told
        self._beginning = BatchBeginning(
            meter=meter, objects=objects, vendor=vendor, background=background, now_ms=now_ms
        )
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
        if request.header(b"idempotency-key") is not None:
            begin = partial(self._begin_once, caller, outlet, record, begin)
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
        thing = sought(file.thing, op)
        said = await self._beginning.make(exchange, thing, asked, target, outlet)
        one = begun(thing, file.thing.vendor_id, said)
        await self._beginning.keep(exchange, one, outlet)
        await self._answer(one, outlet, record)

    async def _begin_once(
        self,
        caller: Caller,
        outlet: Outlet,
        record: CallRecord,
        begin: Callable[[str], Awaitable[None]],
        op: str,
    ) -> None:
        """Whoever began it before may have died: what it has made is told, and nothing is made again."""
        try:
            made, goes_on = await self._objects.made_by(caller.company.company_id, "batch", op)
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None
        if made is not None:
            outlet.is_charged = True
            record.usage_id = op
            await self._answer(made, outlet, record)
        elif goes_on:
            outlet.may_be_charged = True  # it is sought: the key keeps its operation
            raise Problem("idempotency_in_progress", retry_after_s=5)
        else:
            await begin(op)

    async def _answer(self, one: StoredObject, outlet: Outlet, record: CallRecord) -> None:
        headers: Headers = [
            JSON,
            (b"x-request-id", record.request_id.encode()),
            (b"x-voucher-usage-id", one.thing.op.encode()),
        ]
        await outlet.whole(200, headers, one.shown)

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


__all__ = ["Batches"]
