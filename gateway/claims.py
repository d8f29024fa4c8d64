"""The Idempotency-Keys whose calls run in this process, and the books' word on all others.

A claim that is left open blocks its key for as long as this process lives. So how its call ended is told to
the books until they hear it, and a claim whose answer never came is given up in the same way, since it may
have been made. Meanwhile the key is in progress, which is true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from gateway.ports import BooksUnavailable, ClaimRequest, IdempotencyStore
from metering.claim import Claimed, ClaimOutcome, InProgress, Mismatch

RETRY_S: Final = 0.5
SEALED_WAITING_BYTES_MAX: Final = 32 * 1024 * 1024  # of answers that the books could not take at once


class Claims:
    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store
        self._here: dict[bytes, bytes] = {}  # key -> body, as hashes
        self._telling: set[asyncio.Task[None]] = set()
        self._sealed_bytes = 0

    async def claim(self, request: ClaimRequest) -> ClaimOutcome:
        """Raises BooksUnavailable. Claimed must be concluded by `finish` or `forget`."""
        first_body = self._here.get(request.key_hash)
        if first_body is not None:
            return InProgress() if first_body == request.body_hash else Mismatch()
        self._here[request.key_hash] = request.body_hash
        outcome: ClaimOutcome | None = None
        try:
            outcome = await self._store.claim(request)
        except BaseException:  # whatever it was, the claim may have been made
            self._tell_later(request, partial(self._store.forget, request, keep_op=False))
            raise
        finally:
            if outcome is not None and not isinstance(outcome, Claimed):
                del self._here[request.key_hash]
        return outcome

    async def finish(self, request: ClaimRequest, op: str, sealed: bytes | None) -> None:
        """The call was charged. Returns when the books know it, or cannot be told now."""

        def later() -> None:
            kept, size = sealed, len(sealed or b"")
            if self._sealed_bytes + size > SEALED_WAITING_BYTES_MAX:
                kept, size = None, 0
            self._tell_later(request, partial(self._store.finish, request, op, kept), size)

        await self._conclude(request, partial(self._store.finish, request, op, sealed), later)

    async def forget(self, request: ClaimRequest, *, keep_op: bool) -> None:
        """The call cost nothing, or nobody knows (`keep_op`): its key may be used again."""
        telling = partial(self._store.forget, request, keep_op=keep_op)
        await self._conclude(request, telling, partial(self._tell_later, request, telling))

    # -- inside

    async def _conclude(
        self, request: ClaimRequest, telling: Callable[[], Awaitable[None]], later: Callable[[], None]
    ) -> None:
        try:
            await telling()
        except BooksUnavailable:
            later()
        except BaseException:
            later()
            raise
        else:
            del self._here[request.key_hash]

    def _tell_later(
        self, request: ClaimRequest, telling: Callable[[], Awaitable[None]], sealed_bytes: int = 0
    ) -> None:
        self._sealed_bytes += sealed_bytes
        task = asyncio.get_running_loop().create_task(self._insist(telling), name="claim")
        self._telling.add(task)

        def told(task: asyncio.Task[None]) -> None:
            self._telling.discard(task)
            self._sealed_bytes -= sealed_bytes
            self._here.pop(request.key_hash, None)

        task.add_done_callback(told)

    async def _insist(self, telling: Callable[[], Awaitable[None]]) -> None:
        """Until it is heard: whoever cannot reach the books for long stops admitting calls anyway."""
        while True:
            await asyncio.sleep(RETRY_S)
            try:
                await telling()
                return
            except BooksUnavailable:
                continue
