"""Asking a vendor for what it stores: one request to the one upstream that has it, and a bounded answer."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Final

from gateway.attempts import ERROR_BODY_BYTES_MAX, REJECTIONS, problem_of, rate_limited, rejection
from gateway.directory import Directory
from gateway.ports import StoredThing
from gateway.problems import Problem
from providers.catalogue import UpstreamTarget
from providers.dialect import Answer, StoredKind
from providers.dialects import DIALECTS
from providers.errors import AnswerTooLarge, NotSent, UpstreamBroken, UpstreamError
from providers.quirks import quirks_for
from providers.upstream import Upstream, UpstreamAnswer

ANSWER_S: Final = 120.0
UNREADABLE: Final = "unreadable_answer"  # of every dialect
_UNKNOWN: Final = frozenset({404, 410})
_NOT_OFFERED: Final = frozenset({405, 501})
TRIES: Final = 2  # a kept connection that the vendor closed meanwhile looks like a broken one


class StoredVendor:
    def __init__(self, upstream: Upstream, *, answer_bytes_max: int) -> None:
        self._upstream = upstream
        self._answer_bytes_max = answer_bytes_max

    async def ask(
        self,
        target: UpstreamTarget,
        kind: StoredKind,
        path: str,
        *,
        method: str,
        product_id: str,
        request_id: str,
    ) -> Answer:
        """Raises Problem; `id_not_found` where the vendor knows no such thing."""
        try:
            async with asyncio.timeout(ANSWER_S):
                body = await self._read(target, path, method=method, request_id=request_id)
        except TimeoutError:
            raise Problem("upstream_timeout") from None
        answer = kind.answer(body, product_id=product_id, quirks=quirks_for(target.vendor))
        if answer.error is not None and answer.error.code == UNREADABLE:
            raise Problem("upstream_error")
        return answer

    async def stream(self, target: UpstreamTarget, path: str, *, request_id: str) -> UpstreamAnswer:
        """The same as a stream that has begun. Raises Problem."""
        return await self._reach(target, path, method="GET", request_id=request_id, stream=True)

    async def _read(self, target: UpstreamTarget, path: str, *, method: str, request_id: str) -> bytes:
        try:
            answer = await self._reach(target, path, method=method, request_id=request_id)
            return await answer.read(self._answer_bytes_max)
        except AnswerTooLarge:
            raise Problem("upstream_error") from None
        except UpstreamError as error:
            raise problem_of(error) from None

    async def _reach(
        self, target: UpstreamTarget, path: str, *, method: str, request_id: str, stream: bool = False
    ) -> UpstreamAnswer:
        """An answer with a 2xx status that has begun."""
        for tries_left in range(TRIES - 1, -1, -1):
            try:
                answer = await self._upstream.send(
                    target, path=path, body=b"", stream=stream, request_id=request_id, method=method
                )
                if 200 <= answer.status < 300:
                    return answer
                body = await answer.read(ERROR_BODY_BYTES_MAX)
                break
            except (NotSent, UpstreamBroken) as error:
                if not tries_left:
                    raise problem_of(error) from None
            except UpstreamError as error:
                raise problem_of(error) from None
        vendor = DIALECTS[target.dialect].read_error(answer.status, body)
        if answer.status in _UNKNOWN:
            raise Problem("id_not_found")
        if answer.status in _NOT_OFFERED:
            raise Problem(
                "upstream_rejected",
                english="The vendor does not offer this for what it keeps.",
                korean="공급사가 보관 중인 항목에 대해 이 기능을 제공하지 않습니다.",
            )
        if answer.status in REJECTIONS or answer.status == 409:
            raise rejection(vendor)
        if answer.status == 429:
            raise rate_limited(vendor, answer.headers.get("retry-after"))
        raise Problem("upstream_error")


def place_of(target: UpstreamTarget) -> str:
    """Which upstream has a thing, as its binding says it: where it stood in its product, and what it was.

    A position alone would name another one as soon as the provider declares an upstream before it. Of the
    credential so few bits are kept that they tell two accounts apart and nothing else.
    """
    form = _digest(target.dialect, target.base_url, target.model)
    return f"{target.target_id} {form} {_digest(target.api_key or '')[:8]}"


def holder_of(thing: StoredThing, directory: Directory) -> UpstreamTarget | None:
    """The upstream that has it, with its credential; None where the product has another vendor there now.

    Ids are an account's, so the account says most; a credential that has been changed is found by what else
    the upstream was, and what was bound in older versions was noted by its position alone.
    """
    product = directory.products.get(thing.product_id)
    there = [] if product is None else [one for one in product.upstreams if one.base_url == thing.base_url]
    likeliest = max(there, key=lambda target: _likeness(target, thing), default=None)
    return likeliest if likeliest is not None and any(_likeness(likeliest, thing)) else None


def _likeness(target: UpstreamTarget, thing: StoredThing) -> tuple[bool, ...]:
    position, form, account = place_of(target).split(" ")
    noted = [*thing.target_id.split(" "), "", ""]
    return noted[2] == account, noted[1] == form, noted[0] == position


def _digest(*words: str) -> str:
    return sha256("\n".join(words).encode()).hexdigest()[:16]
