"""What vendors store for a company: bound to it before it can learn the id, and asked for by nobody else.

Vendors know one account, ours; an id they hand out is good for everybody behind it. So each is looked up with
the caller's company, and what is not bound to it does not exist. Reading, deleting and cancelling are free:
they work without a voucher, and what goes on in the background is charged by gateway/background.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from gateway.asgi.request import Request
from gateway.asgi.response import JSON, NO_CACHE, Headers
from gateway.auth import Caller
from gateway.background import Background
from gateway.directory import Directory
from gateway.outlet import Outlet
from gateway.ports import BooksUnavailable, StoredThing, StoredThings
from gateway.problems import Problem
from gateway.stored_bindings import CONTAINER, Bindings, is_usable
from gateway.stored_stream import StoredStream
from gateway.stored_vendor import StoredVendor, holder_of
from gateway.telemetry import CallRecord
from providers.catalogue import Product, UpstreamTarget
from providers.dialect import StoredRoute
from providers.dialects import DIALECTS, STORED, Route
from providers.facts import BadRequest, RequestFacts

EVENT_BYTES_MAX: Final = 4 * 1024 * 1024
AT_ONCE_MAX: Final = 16  # of one company, per process: reading is free, and vendors count it all the same
STREAMS_MAX: Final = 8  # of those; they last
END_S: Final = 3.0  # what has just ended is soon charged, and may then be deleted


class Stored:
    def __init__(
        self,
        *,
        things: StoredThings,
        vendor: StoredVendor,
        background: Background,
        directory: Directory,
        gateway_id: str,
    ) -> None:
        self._things = things
        self._vendor = vendor
        self._directory = directory
        self._asking = Counter[str]()
        self.background = background
        self.bindings = Bindings(things, background, gateway_id)

    # -- with a call

    async def holder(self, caller: Caller, route: Route, facts: RequestFacts, product: Product) -> str | None:
        """The product's upstream that has what the request goes on from. Raises Problem."""
        kind = route.operation.stored
        assert kind is not None, "only such an operation has such requests"
        if facts.background and not self.background.has_room:
            raise Problem("meter_unavailable", retry_after_s=30)
        if facts.background and not self.background.has_room_for(caller.company.company_id):
            raise Problem("too_many_concurrent", retry_after_s=30)
        if facts.follows is None:
            return None
        thing, _ = await self._find(caller, kind.name, facts.follows, param="previous_response_id")
        theirs = holder_of(thing, self._directory)
        if facts.approves and theirs is not None:
            await self._has_items(thing, theirs, facts.approves)
        if (target_id := _same_account(product, theirs)) is not None:
            return target_id
        raise Problem(
            "invalid_request",
            english=f"`previous_response_id` is an answer of {thing.product_id}; go on with that product.",
            korean=f"`previous_response_id`는 {thing.product_id}의 응답입니다. 그 상품으로 이어 주세요.",
            param="previous_response_id",
        )

    async def container_holder(self, caller: Caller, container_id: str, product: Product) -> str:
        """The product's upstream that has the container which a request names. Raises Problem."""
        thing, _ = await self._find(caller, CONTAINER, container_id, param="container")
        target_id = _same_account(product, holder_of(thing, self._directory))
        if target_id is not None:
            return target_id
        raise Problem(
            "invalid_request",
            english=f"`container` was made by {thing.product_id}; go on with that product.",
            korean=f"`container`는 {thing.product_id}에서 만들어졌습니다. 그 상품으로 이어 주세요.",
            param="container",
        )

    async def _has_items(self, thing: StoredThing, target: UpstreamTarget, item_ids: tuple[str, ...]) -> None:
        """What a request approves is looked up by vendors among all that our account has. Raises Problem."""
        kind = STORED[thing.kind]
        answer = await self._vendor.ask(
            target,
            kind,
            kind.read_path(thing.vendor_id),
            method="GET",
            product_id=thing.product_id,
            request_id=thing.op,
        )
        if not kind.item_ids(answer.body).issuperset(item_ids):
            raise Problem("id_not_found", param="approval_request_id")

    # -- routes of their own

    async def answer(
        self, route: StoredRoute, caller: Caller, request: Request, outlet: Outlet, record: CallRecord
    ) -> None:
        with self._one_more(caller.company.company_id, AT_ONCE_MAX):
            await self._answer(route, caller, request, outlet, record)

    # -- inside

    @contextmanager
    def _one_more(self, what: str, most: int) -> Iterator[None]:
        if self._asking[what] >= most:
            raise Problem("too_many_concurrent")
        self._asking[what] += 1
        try:
            yield
        finally:
            self._asking[what] -= 1
            if not self._asking[what]:
                del self._asking[what]

    async def _answer(
        self, route: StoredRoute, caller: Caller, request: Request, outlet: Outlet, record: CallRecord
    ) -> None:
        kind = STORED[route.kind]
        try:
            query = kind.query(route.deed, request.query)
        except BadRequest as bad:
            raise Problem(
                "invalid_request", english=bad.message_en, korean=bad.message_ko, param=bad.param
            ) from None
        thing, goes_on = await self._find(caller, route.kind, route.vendor_id)
        record.product = thing.product_id
        target = holder_of(thing, self._directory)
        if target is None:
            raise Problem("id_not_found")
        record.upstream = target.target_id
        if route.deed == "delete" and goes_on:
            await self._has_ended(thing, target, record.request_id)
        path, request_id = route.path + query.text, record.request_id
        if query.streams:
            record.stream = True
            with self._one_more(f"streams of {thing.company_id}", STREAMS_MAX):
                await self._stream(thing, target, path, request, outlet, request_id, goes_on=goes_on)
            return
        try:
            answer = await self._vendor.ask(
                target,
                kind,
                path,
                method=route.method,
                product_id=thing.product_id,
                request_id=request_id,
            )
        except Problem as problem:
            if problem.code == "id_not_found" and route.deed == "delete":
                await self._deleted(thing)
            raise
        if route.deed == "delete":
            await self._deleted(thing)
        elif goes_on and not answer.is_running:
            await self.background.seen_over(thing.op)
        headers: Headers = [JSON, NO_CACHE, (b"x-request-id", request_id.encode())]
        await outlet.whole(200, headers, answer.body)

    async def _stream(
        self,
        thing: StoredThing,
        target: UpstreamTarget,
        path: str,
        request: Request,
        outlet: Outlet,
        request_id: str,
        *,
        goes_on: bool,
    ) -> None:
        stream = StoredStream(STORED[thing.kind].fold(thing.product_id), request, outlet, request_id)
        await stream.run(
            await self._vendor.stream(target, path, request_id=request_id),
            before_end=partial(self.background.is_told, thing, wait_s=END_S) if goes_on else None,
            splitter=DIALECTS[target.dialect].make_splitter(EVENT_BYTES_MAX),
            note=partial(self.background.note_delivered, thing.op) if goes_on else None,
        )

    async def _has_ended(self, thing: StoredThing, target: UpstreamTarget, request_id: str) -> None:
        """What is still being made cannot be deleted: its count would go with it. Raises Problem."""
        if await self.background.ends_soon(thing.op, wait_s=END_S):
            return
        if not self.background.is_here(thing.op):  # another gateway follows it, and asks in its own time
            kind = STORED[thing.kind]
            path = kind.read_path(thing.vendor_id)
            answer = await self._vendor.ask(
                target, kind, path, method="GET", product_id=thing.product_id, request_id=request_id
            )
            if not answer.is_running and await self.background.is_told(thing, wait_s=END_S):
                return
        raise Problem(
            "invalid_request",
            english="This answer is still being made; cancel it first, or wait for its end.",
            korean="아직 생성 중인 응답입니다. 먼저 취소하거나 끝날 때까지 기다려 주세요.",
        )

    async def _find(
        self, caller: Caller, kind: str, vendor_id: str, param: str | None = None
    ) -> tuple[StoredThing, bool]:
        found = None
        if is_usable(vendor_id):
            try:
                found = await self._things.find(caller.company.company_id, kind, vendor_id)
            except BooksUnavailable:
                raise Problem("meter_unavailable", retry_after_s=1) from None
        if found is None:
            raise Problem("id_not_found", param=param)
        if caller.key.products is not None and found[0].product_id not in caller.key.products:
            raise Problem("product_not_allowed", param=param)
        return found

    async def _deleted(self, thing: StoredThing) -> None:
        try:
            await self._things.delete(thing)
        except BooksUnavailable:
            pass  # the vendor says from now on that there is no such thing


def _same_account(product: Product, theirs: UpstreamTarget | None) -> str | None:
    account = None if theirs is None else (theirs.base_url, theirs.api_key)
    same = (one.target_id for one in product.upstreams if (one.base_url, one.api_key) == account)
    return next(same, None)
