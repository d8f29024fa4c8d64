"""What a vendor stores, read as a stream: passed on as it comes, and free: its call is charged elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from gateway.asgi.request import Request
from gateway.asgi.response import EVENT_STREAM, NO_CACHE
from gateway.outlet import Outlet
from gateway.problems import Problem
from gateway.reading import code_of
from providers.dialect import Fold, Splitter
from providers.errors import UpstreamError
from providers.sse import SseEventTooLarge
from providers.upstream import UpstreamAnswer

NOTED_TOKENS: Final = 256  # more is noted whenever so much more was read

Note = Callable[[int], Awaitable[None]]  # output tokens that the client has got


class StoredStream:
    def __init__(self, fold: Fold, request: Request, outlet: Outlet, request_id: str) -> None:
        self._fold = fold
        self._request = request
        self._outlet = outlet
        self._request_id = request_id
        self._noted_tokens = 0

    async def run(
        self,
        answer: UpstreamAnswer,
        *,
        before_end: Callable[[], Awaitable[object]] | None,
        splitter: Splitter,
        note: Note | None = None,
    ) -> None:
        """Where the call goes on, `before_end`: it may be charged a moment before its client sees the end;
        and `note`: its end counts what was read of it, if its vendor counts nothing.
        """
        await self._outlet.head(200, [EVENT_STREAM, NO_CACHE, (b"x-request-id", self._request_id.encode())])
        stop_listening = self._request.when_left(answer.close)
        try:
            code = await self._read(answer, splitter, note)
        finally:
            stop_listening()
            answer.close()
            await self._tell(note, least_tokens=1)
        if self._request.has_left():
            return
        if code is not None or self._fold.error is not None:
            problem = Problem(code or "upstream_error")
            refusal = problem.refusal(self._request.header(b"accept-language"), self._request_id)
            await self._outlet.last(self._fold.failure(refusal))
            return
        if before_end is not None:
            await before_end()
        await self._outlet.last(self._fold.terminal())

    async def _tell(self, note: Note | None, *, least_tokens: int) -> None:
        """Where the vendor never counts, this is what was used."""
        tokens = self._fold.delivered_tokens()
        if note is not None and tokens >= self._noted_tokens + least_tokens:
            self._noted_tokens = tokens
            await note(tokens)

    async def _read(self, answer: UpstreamAnswer, splitter: Splitter, note: Note | None) -> str | None:
        """-> code of a failure"""
        events: list[bytes] = []

        def take(piece: bytes) -> bool:
            events.extend(splitter.feed(piece))
            return False

        fold, outlet = self._fold, self._outlet
        try:
            while not (fold.done or fold.error is not None) and await answer.read_into(take):
                out = b"".join([fold.feed(event) for event in events])
                events.clear()
                if out and not outlet.put(out):
                    await outlet.flush()
                await self._tell(note, least_tokens=NOTED_TOKENS)
        except UpstreamError as error:
            return code_of(error)
        except SseEventTooLarge:
            return "upstream_error"
        return None if fold.done or fold.error is not None else "upstream_error"
