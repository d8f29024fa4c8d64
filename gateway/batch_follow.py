"""How a batch ends: asked for like a call in the background, and counted from its output, line by line."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

import msgspec

from gateway.background import FollowPace
from gateway.background_end import Followed
from gateway.background_watch import Following
from gateway.batch_objects import MARK, BatchObjects, begun, is_sought
from gateway.directory import Directory
from gateway.file_content import CONTENT_BYTES_MAX
from gateway.files_vendor import FilesVendor
from gateway.ports import BooksUnavailable, StoredObjects, StoredThing
from gateway.problems import Problem
from gateway.stored_vendor import holder_of
from metering.usage import Usage
from providers.catalogue import UpstreamTarget
from providers.dialect import Answer
from providers.errors import UpstreamError, VendorError
from providers.openai_files.lines import RESULT_BYTES_MAX, LineCutter, OutputCount, of_batch, operation_of
from providers.openai_files.objects import BatchSaid, read_batch, usable
from providers.quirks import quirks_for

_log = logging.getLogger(__name__)

# A batch is given a day; vendors end it then, and what they do not end is cancelled.
PACE: Final = FollowPace(first_s=2.0, most_s=60.0, life_s=26 * 3600.0, farewell_s=3600.0)
READ_TRIES: Final = 20  # of an output, a pause between: then what was used is estimated


class BatchFollower:
    """gateway.background.Asks, for batches."""

    def __init__(
        self,
        *,
        vendor: FilesVendor,
        objects: StoredObjects,
        told: BatchObjects,
        directory: Directory,
        gateway_id: str,
        pace: FollowPace = PACE,
    ) -> None:
        self._gateway_id = gateway_id
        self._vendor = vendor
        self._objects = objects
        self._told = told
        self._directory = directory
        self._failed_reads = Counter[str]()
        self.pace = pace

    async def ask(self, following: Following, *, cancels: bool) -> Answer:
        """How it stands; at its end with what it used. Raises Problem."""
        target = holder_of(following.thing, self._directory)
        if target is None:
            raise Problem("upstream_error")  # perhaps not known here yet
        if is_sought(following.thing):
            await self._find(following, target)
        followed, thing = following.followed, following.thing
        path, method = f"/batches/{thing.vendor_id}", "GET"
        if cancels:
            path, method = path + "/cancel", "POST"
        raw = await self._vendor.ask(target, path, method=method, request_id=thing.op)
        said = read_batch(raw, quirks_for(target.vendor))
        try:
            known = await self._objects.find(thing.company_id, "batch", thing.vendor_id)
        except BooksUnavailable:
            raise Problem("meter_unavailable") from None
        if known is not None:  # else nobody was told of it
            await self._told.learn(known, raw, target, is_follower=True)
        if said.is_running:
            return Answer(usage=None, body=b"", is_running=True)
        try:
            answer = await self._count(followed, thing, said, target)
        except Problem:
            self._failed_reads[thing.op] += 1
            if self._failed_reads[thing.op] < READ_TRIES:
                raise Problem("upstream_error") from None
            answer = _unread(followed, said)
        self._failed_reads.pop(thing.op, None)
        return answer

    # -- inside

    async def _find(self, following: Following, target: UpstreamTarget) -> None:
        """Its answer was lost: it is known by our mark. Raises Problem; `id_not_found`: there is none."""
        thing, followed = following.thing, following.followed
        said = await self._vendor.find_marked(
            target,
            "/batches",
            mark=MARK,
            op=thing.op,
            since_s=followed.begun_ms // 1000,
            request_id=thing.op,
        )
        if said is None:
            raise Problem("id_not_found")
        one = begun(thing, usable(said.get("input_file_id")), said)
        followed = msgspec.structs.replace(followed, is_sought=False, upstream_id=one.thing.vendor_id)
        try:
            is_ours = await self._objects.add(one, gateway_id=self._gateway_id, call=followed.to_text())
        except BooksUnavailable:
            raise Problem("meter_unavailable") from None
        if not is_ours:
            _log.error("stored_id_of_another kind=batch op=%s", thing.op)
            raise Problem("upstream_error")
        following.thing, following.followed = one.thing, followed

    async def _count(
        self, followed: Followed, thing: StoredThing, said: BatchSaid, target: UpstreamTarget
    ) -> Answer:
        """Raises Problem: its output cannot be read, or is not there yet."""
        if said.output_file is None:
            if said.completed:
                raise Problem("upstream_error")
            if said.status == "failed":
                return Answer(usage=None, body=b"", error=VendorError(200, "the batch failed"))
            return Answer(usage=Usage(units={"requests": 0}), body=b"")
        counted = OutputCount(
            operation_of(said.endpoint),
            product_id=thing.product_id,
            quirks=quirks_for(target.vendor),
            lines=followed.lines,
            input_tokens=followed.meta.input_tokens,
            output_tokens_max=self._directory.products[thing.product_id].max_output_tokens,
        )
        await self._read(thing, said.output_file, counted, target)
        return Answer(usage=counted.usage(), body=b"", units_are_estimated=counted.estimated)

    async def _read(
        self, thing: StoredThing, file_id: str, counted: OutputCount, target: UpstreamTarget
    ) -> None:
        path = f"/files/{file_id}/content"
        answer = await self._vendor.stream(target, path, request_id=thing.op)
        cutter, pieces, size = LineCutter(RESULT_BYTES_MAX), list[bytes](), 0

        def take(piece: bytes) -> bool:
            pieces.append(piece)
            return False

        try:
            while await answer.read_into(take):
                piece = b"".join(pieces)
                pieces.clear()
                size += len(piece)
                if size > CONTENT_BYTES_MAX:
                    raise Problem("upstream_error")
                _feed(counted, cutter, cutter.feed(piece))
            _feed(counted, cutter, [*cutter.feed(b"".join(pieces)), *cutter.flush()])
            answer.release()
        except UpstreamError:
            raise Problem("upstream_error") from None
        finally:
            answer.close()


def _feed(counted: OutputCount, cutter: LineCutter, lines: list[bytes]) -> None:
    for line in lines:
        counted.feed(line)
    for length in cutter.too_long:
        counted.unreadable(length)
    cutter.too_long.clear()


def _unread(followed: Followed, said: BatchSaid) -> Answer:
    """By the vendor's own sum; without one the input of the lines that it says it has answered, or of all."""
    lines = max(1, followed.lines)
    done = min(said.completed, lines) or lines
    usage = said.usage
    if usage is None:
        usage = Usage(input=followed.meta.input_tokens * done // lines)
    usage = of_batch(usage.tokens(), {**usage.units, "requests": done})
    return Answer(usage=usage, body=b"", units_are_estimated=True)


__all__ = ["PACE", "READ_TRIES", "BatchFollower"]
