"""Asking a vendor about files and batches: one request to one upstream, a bounded object as the answer."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from gateway.attempts import ERROR_BODY_BYTES_MAX, REJECTIONS, problem_of, rate_limited, rejection
from gateway.problems import Problem
from gateway.routing import Routing
from providers.catalogue import Product, UpstreamTarget
from providers.dialect import JSON_KIND
from providers.dialects import DIALECTS
from providers.errors import NotSent, UpstreamBroken, UpstreamError
from providers.openai_files.objects import count, read_list, read_object
from providers.upstream import Upstream, UpstreamAnswer

DIALECT: Final = "openai"  # the one whose files and batches these are
ANSWER_S: Final = 300.0
OBJECT_BYTES_MAX: Final = 4 * 1024 * 1024
_PAGE: Final = 100
_PAGES_MAX: Final = 50
_CLOCKS_S: Final = 3600  # between the vendor's and ours
_UNKNOWN: Final = frozenset({404, 410})
_REFUSED: Final = REJECTIONS | {405, 409, 501}


class FilesVendor:
    def __init__(self, upstream: Upstream, routing: Routing) -> None:
        self._upstream = upstream
        self._routing = routing

    def choose(self, product: Product) -> UpstreamTarget | None:
        """The first healthy upstream that may have files; None where the product has none."""
        targets = [target for target in product.upstreams if target.dialect == DIALECT]
        return self._routing.order(targets)[0] if targets else None

    async def make(
        self,
        target: UpstreamTarget,
        path: str,
        body: bytes,
        *,
        content_type: str = JSON_KIND,
        request_id: str,
    ) -> dict[str, Any]:
        """What is made once: sent again only if nothing of it was sent. Raises Problem, or Lost."""
        return await self._object(target, path, body, "POST", content_type, request_id, (NotSent,))

    async def ask(
        self, target: UpstreamTarget, path: str, *, method: str = "GET", request_id: str
    ) -> dict[str, Any]:
        """Of what there is. Raises Problem; `id_not_found` where the vendor knows no such thing."""
        again = (NotSent, UpstreamBroken)  # a kept connection that was closed meanwhile looks like the latter
        try:
            return await self._object(target, path, b"", method, JSON_KIND, request_id, again)
        except _Unknown:
            raise Problem("id_not_found") from None

    async def stream(self, target: UpstreamTarget, path: str, *, request_id: str) -> UpstreamAnswer:
        """A file's content that has begun. Raises Problem, as `ask`."""
        again = (NotSent, UpstreamBroken)
        try:
            return await self._reach(target, path, b"", "GET", JSON_KIND, request_id, again)
        except _Unknown:
            raise Problem("id_not_found") from None

    async def find_marked(
        self, target: UpstreamTarget, path: str, *, mark: str, op: str, since_s: int, request_id: str
    ) -> dict[str, Any] | None:
        """Of what was made since then (in s, by clocks that differ) the one whose metadata say `mark`: op.

        Most lists have the newest first. Raises Problem, also where the list cannot be read that far.
        """
        after, seen = "", set[str]()
        for _ in range(_PAGES_MAX):
            page, has_more = await self._page(target, f"{path}?limit={_PAGE}{after}", request_id)
            for one in page:
                metadata = one.get("metadata")
                if type(metadata) is dict and metadata.get(mark) == op:
                    return one
            if not page or not has_more or _is_before(page, since_s - _CLOCKS_S):
                return None
            last_id = page[-1]["id"]
            if last_id in seen:
                break  # it knows no pages
            seen.add(last_id)
            after = f"&after={last_id}"
        raise Problem("upstream_error")

    # -- inside

    async def _page(
        self, target: UpstreamTarget, path: str, request_id: str
    ) -> tuple[list[dict[str, Any]], bool]:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self.stream(target, path, request_id=request_id)
                raw = await answer.read(OBJECT_BYTES_MAX)
        except TimeoutError:
            raise Problem("upstream_timeout") from None
        except UpstreamError as error:
            raise problem_of(error) from None
        page = read_list(raw)
        if page is None:
            raise Problem("upstream_error")
        return page

    async def _object(
        self,
        target: UpstreamTarget,
        path: str,
        body: bytes,
        method: str,
        content_type: str,
        request_id: str,
        again: tuple[type[UpstreamError], ...],
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._reach(target, path, body, method, content_type, request_id, again)
                raw = await answer.read(OBJECT_BYTES_MAX)
        except TimeoutError:
            raise Lost("upstream_timeout") from None
        except UpstreamError as error:
            raise Lost(problem_of(error).code) from None
        said = read_object(raw)
        if said is None:
            raise Lost("upstream_error")
        return said

    async def _reach(
        self,
        target: UpstreamTarget,
        path: str,
        body: bytes,
        method: str,
        content_type: str,
        request_id: str,
        again: tuple[type[UpstreamError], ...],
    ) -> UpstreamAnswer:
        """An answer with a 2xx status that has begun."""
        for is_last in (False, True):
            try:
                answer = await self._upstream.send(
                    target,
                    path=path,
                    body=body,
                    stream=False,
                    request_id=request_id,
                    content_type=content_type,
                    method=method,
                )
                break
            except UpstreamError as error:
                self._routing.failure(target)
                if is_last or not isinstance(error, again):
                    problem = problem_of(error)
                    raise problem if isinstance(error, NotSent) else Lost(problem.code) from None
        if 200 <= answer.status < 300:
            self._routing.success(target)
            return answer
        raise await self._refusal(target, answer)

    async def _refusal(self, target: UpstreamTarget, answer: UpstreamAnswer) -> Problem:
        try:
            said = await answer.read(ERROR_BODY_BYTES_MAX)
        except UpstreamError:
            said = b""
        vendor = DIALECTS[target.dialect].read_error(answer.status, said)
        if answer.status in _UNKNOWN:
            return _Unknown(rejection(vendor))
        if answer.status in _REFUSED:
            return rejection(vendor)
        if answer.status == 429:
            return rate_limited(vendor, answer.headers.get("retry-after"))
        if answer.status < 500:
            return Problem("upstream_error")
        self._routing.failure(target)
        return Lost("upstream_error")


def _is_before(page: list[dict[str, Any]], since_s: int) -> bool:
    """Whether what follows in the list is older still."""
    first_s, last_s = count(page[0], "created_at"), count(page[-1], "created_at")
    return 0 < last_s < since_s and first_s >= last_s


class Lost(Problem):
    """Nobody knows whether the vendor has done it."""


class _Unknown(Problem):
    """404: of a thing that there was, that it is gone; of one to be made, that it was refused."""

    def __init__(self, refusal: Problem) -> None:
        super().__init__(refusal.code, english=refusal.english, korean=refusal.korean, param=refusal.param)
