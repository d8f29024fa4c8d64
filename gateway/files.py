"""`/v1/files`: what companies leave with vendors. Each file is its company's, with the vendor of one product.

Nothing is charged for a file. A batch's file is read line by line before its vendor gets it, since what the
batch may cost is known from it alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from gateway import admission, files_upload
from gateway.asgi.request import Request
from gateway.asgi.response import JSON, NO_CACHE
from gateway.auth import Caller
from gateway.batch_lines import LinesReader, read_lines
from gateway.batches_money import BatchBounds
from gateway.calls import Calls, refusal_of
from gateway.directory import Directory
from gateway.file_content import pass_content
from gateway.files_upload import Upload, product_of, read_upload
from gateway.files_vendor import FilesVendor
from gateway.object_lists import list_of
from gateway.outlet import Outlet
from gateway.own_objects import OwnObjects
from gateway.ports import BooksUnavailable, StoredObject, StoredObjects, StoredThing
from gateway.problems import Problem
from gateway.stored_vendor import place_of
from gateway.telemetry import CallRecord
from providers import forms
from providers.catalogue import Product, UpstreamTarget
from providers.facts import BadRequest
from providers.openai_files.objects import expiry_s, shown
from providers.openai_files.routes import ObjectRoute

_log = logging.getLogger(__name__)

FILES_MAX: Final = 1_000  # of one company, results of batches apart
KEPT_BYTES_MAX: Final = 5 * 1024**3
AT_ONCE_MAX: Final = 16  # of one company, per process: it is free, and vendors count it all the same
UPLOADS_AT_ONCE_MAX: Final = 2  # of those: each is held whole
BIND_TRIES: Final = 3
BIND_PAUSE_S: Final = 0.2
_LINED: Final = frozenset({"batch", "batch_output"})


class Files:
    def __init__(
        self,
        *,
        calls: Calls,
        objects: StoredObjects,
        own: OwnObjects,
        vendor: FilesVendor,
        directory: Directory,
        gateway_id: str,
        make_op: Callable[[], str],
        now_ms: Callable[[], int],
    ) -> None:
        self._calls = calls
        self._objects = objects
        self._own = own
        self._vendor = vendor
        self._directory = directory
        self._gateway_id = gateway_id
        self._make_op = make_op
        self._now_ms = now_ms
        self._asking = Counter[str]()
        self._uploading = Counter[str]()

    async def answer(
        self, route: ObjectRoute, caller: Caller, request: Request, outlet: Outlet, record: CallRecord
    ) -> None:
        is_upload = route.deed == "create"
        running = self._uploading if is_upload else self._asking
        company_id = caller.company.company_id
        if running[company_id] >= (UPLOADS_AT_ONCE_MAX if is_upload else AT_ONCE_MAX):
            raise Problem("too_many_concurrent")
        running[company_id] += 1
        try:
            body = await self._deed(route, caller, request, outlet, record)
        finally:
            running[company_id] -= 1
            if not running[company_id]:
                del running[company_id]
        if body is not None:
            request_id = (b"x-request-id", record.request_id.encode())
            await outlet.whole(200, [JSON, NO_CACHE, request_id], body)

    # -- inside

    async def _deed(
        self, route: ObjectRoute, caller: Caller, request: Request, outlet: Outlet, record: CallRecord
    ) -> bytes | None:
        """None: it is answered already."""
        if route.deed == "create":
            return await self._create(caller, request, record)
        if route.deed == "list":
            return await list_of(self._objects, caller, "file", request.query)
        one = await self._own.find(caller, "file", route.vendor_id)
        target = self._own.target(one.thing)
        record.product, record.upstream = one.thing.product_id, target.target_id
        path = f"/files/{one.thing.vendor_id}"
        if route.deed == "content":
            answer = await self._vendor.stream(target, path + "/content", request_id=record.request_id)
            product_id = one.thing.product_id if one.purpose in _LINED else None
            await pass_content(answer, request, outlet, product_id=product_id, request_id=record.request_id)
            return None
        if route.deed == "delete":
            return await self._delete(one, target, path, record)
        return await self._read(one, target, path, record)

    async def _read(self, one: StoredObject, target: UpstreamTarget, path: str, record: CallRecord) -> bytes:
        try:
            said = await self._vendor.ask(target, path, request_id=record.request_id)
        except Problem as problem:
            if problem.code == "id_not_found":
                await self._forget(one.thing)
            raise
        out = shown({**said, "id": one.thing.vendor_id})
        try:
            await self._objects.show(one.thing, out)
        except BooksUnavailable:
            pass  # lists show what was told before
        return out

    async def _delete(
        self, one: StoredObject, target: UpstreamTarget, path: str, record: CallRecord
    ) -> bytes:
        try:
            is_used = await self._objects.is_in_use(one.thing)
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None
        if is_used:
            raise Problem(
                "invalid_request",
                status=409,
                english="A batch that still runs needs this file; cancel it first, or wait for its end.",
                korean="진행 중인 배치가 사용하는 파일입니다. 먼저 취소하거나 끝날 때까지 기다려 주세요.",
            )
        try:
            said = await self._vendor.ask(target, path, method="DELETE", request_id=record.request_id)
        except Problem as problem:
            if problem.code == "id_not_found":
                await self._forget(one.thing)
            raise
        await self._forget(one.thing)
        return shown({**said, "id": one.thing.vendor_id})

    async def _forget(self, thing: StoredThing) -> None:
        try:
            await self._objects.delete(thing)
        except BooksUnavailable:
            pass  # the vendor says from now on that there is no such thing

    # -- a new one

    async def _create(self, caller: Caller, request: Request, record: CallRecord) -> bytes:
        form = (await self._calls.read_body(request, reads_form=True))[1]
        try:
            upload = read_upload(form)
        except BadRequest as bad:
            raise refusal_of(bad) from None
        del form
        await self._make_room(caller, len(upload.file.data))
        bounds: BatchBounds | None = None
        data = upload.file.data
        if upload.purpose == files_upload.BATCH:
            product, target, data, bounds = await self._lines(caller, data)
        else:
            product, target = product_of(
                caller, upload, self._directory, now_ms=self._now_ms(), choose=self._vendor.choose
            )
        record.product, record.provider = product.product_id, product.provider_id
        record.upstream = target.target_id
        body = await asyncio.to_thread(forms.write_form, _parts(upload, data))  # it is hashed
        size_bytes = len(data)
        del data
        said = await self._vendor.make(
            target,
            "/files",
            body,
            content_type=forms.content_type_of(body),
            request_id=record.request_id,
        )
        out = shown(said)
        one = StoredObject(
            thing=self._thing(caller, product, target, said),
            shown=out,
            purpose=upload.purpose,
            size_bytes=size_bytes,
            expires_s=expiry_s(said),
            bounds=None if bounds is None else bounds.to_text(),
        )
        await self._keep(one, target, record)
        return out

    async def _lines(self, caller: Caller, data: bytes) -> tuple[Product, UpstreamTarget, bytes, BatchBounds]:
        now_ms = self._now_ms()
        reader = LinesReader(caller, self._directory, now_ms=now_ms, choose=self._vendor.choose)
        written = await read_lines(data, reader)
        bounds = reader.bounds()
        product, target = reader.product, reader.target
        assert product is not None, "bounds has said that there is a line"
        assert target is not None, "as above"
        vouchers = self._directory.vouchers_of(caller.company.company_id)
        admission.paying_vouchers(vouchers, product.product_id, now_ms)
        if reader.files:
            await self._own.holder(caller, tuple(reader.files), product, target.target_id)
        return product, target, written, bounds

    async def _make_room(self, caller: Caller, size_bytes: int) -> None:
        try:
            had = await self._objects.totals(caller.company.company_id)
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None
        if had.files >= FILES_MAX or had.file_bytes + size_bytes > KEPT_BYTES_MAX:
            raise Problem(
                "invalid_request",
                english=f"A company keeps {FILES_MAX} files and {KEPT_BYTES_MAX} bytes at most; delete some.",
                korean=f"파일은 {FILES_MAX}개, {KEPT_BYTES_MAX}바이트까지 보관합니다. 일부를 삭제해 주세요.",
                param="file",
            )

    def _thing(
        self, caller: Caller, product: Product, target: UpstreamTarget, said: dict[str, Any]
    ) -> StoredThing:
        return StoredThing(
            kind="file",
            vendor_id=said["id"],
            company_id=caller.company.company_id,
            product_id=product.product_id,
            target_id=place_of(target),
            base_url=target.base_url,
            op=self._make_op(),
        )

    async def _keep(self, one: StoredObject, target: UpstreamTarget, record: CallRecord) -> None:
        """Before the client can learn the id. What cannot be bound is nobody's: it is deleted again."""
        for tries_left in range(BIND_TRIES - 1, -1, -1):
            try:
                is_ours = await self._objects.add(one, gateway_id=self._gateway_id)
            except BooksUnavailable:
                if tries_left:
                    await asyncio.sleep(BIND_PAUSE_S)
                continue
            if not is_ours:
                _log.error("stored_id_of_another kind=file op=%s", one.thing.op)
                raise Problem("upstream_error")
            return
        try:
            path = f"/files/{one.thing.vendor_id}"
            await self._vendor.ask(target, path, method="DELETE", request_id=record.request_id)
        except Problem:
            pass  # it stays at the vendor, and nobody can name it
        raise Problem("meter_unavailable", retry_after_s=1)


def _parts(upload: Upload, data: bytes) -> list[forms.Part]:
    file = forms.Part(name="file", data=data, filename=upload.file.filename, kind=upload.file.kind)
    return [forms.Part(name="purpose", data=upload.purpose.encode()), *upload.others, file]


__all__ = ["Files"]
