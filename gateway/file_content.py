"""The content of a file, from its vendor to the client: passed on as it comes, and free.

A batch's files are passed line by line, under the product's name. What breaks off is not ended for the
client: it must not take a part of a file for the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.asgi.request import Request
from gateway.asgi.response import NO_CACHE, NOT_GUESSED
from gateway.outlet import Outlet
from gateway.problems import Problem
from gateway.reading import code_of
from providers.errors import UpstreamError
from providers.openai_files.lines import RESULT_BYTES_MAX, LineCutter, with_product
from providers.upstream import UpstreamAnswer

CONTENT_BYTES_MAX: Final = 2 * 1024**3
_BYTES: Final = (b"content-type", b"application/octet-stream")  # a browser must not take it for a page


async def pass_content(
    answer: UpstreamAnswer, request: Request, outlet: Outlet, *, product_id: str | None, request_id: str
) -> None:
    """`product_id`: where it is a batch's file. Raises Problem."""
    head = [_BYTES, NOT_GUESSED, NO_CACHE, (b"x-request-id", request_id.encode())]
    cutter = LineCutter(RESULT_BYTES_MAX)
    pieces: list[bytes] = []
    read_bytes = 0

    def take(piece: bytes) -> bool:
        pieces.append(piece)
        return False

    stop_listening = request.when_left(answer.close)
    try:
        await outlet.head(200, head)
        while await answer.read_into(take):
            piece = b"".join(pieces)
            pieces.clear()
            read_bytes += len(piece)
            if read_bytes > CONTENT_BYTES_MAX or cutter.too_long:
                raise Problem("upstream_error")
            await _put(outlet, piece if product_id is None else _lines(cutter.feed, piece, product_id))
        answer.release()
        rest = b"".join(pieces)
        if product_id is not None:
            rest = _lines(cutter.feed, rest, product_id)
            rest += b"".join([with_product(line, product_id) for line in cutter.flush()])
            if cutter.too_long:
                raise Problem("upstream_error")
        await outlet.last(rest)
    except UpstreamError as error:
        if not request.has_left():
            raise Problem(code_of(error)) from None
    finally:
        stop_listening()
        answer.close()


async def _put(outlet: Outlet, out: bytes) -> None:
    if out and not outlet.put(out):
        await outlet.flush()


def _lines(feed: Callable[[bytes], list[bytes]], piece: bytes, product_id: str) -> bytes:
    return b"".join([with_product(line, product_id) for line in feed(piece)])


__all__ = ["pass_content"]
