"""A file of a batch's lines, read as so many live calls would be: bounded, and written as the vendor gets it.

What a live call would be refused for, its line is, with the line's number. All lines are of one product and
one route, since a batch is one operation with one price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway import admission
from gateway.auth import Caller
from gateway.batches_money import BatchBounds, terms_of
from gateway.directory import Directory
from gateway.problems import Problem
from metering.usage import STANDARD_TIER
from providers.catalogue import Product, UpstreamTarget
from providers.dialects import OPENAI_BATCHED, Route
from providers.facts import BadRequest, RequestFacts
from providers.openai_files.lines import LINES_MAX, read_line, write_line
from providers.quirks import quirks_for

_BREATH_BYTES: Final = 256 * 1024  # between two breaths other calls are served
_BREATH_LINES: Final = 64
_BREAKS_MAX: Final = 2 * LINES_MAX  # some programs write an empty line between two


class LinesReader:
    """One file. `feed` each line, in order; then `bounds`."""

    def __init__(
        self,
        caller: Caller,
        directory: Directory,
        *,
        now_ms: int,
        choose: Callable[[Product], UpstreamTarget | None],
    ) -> None:
        self._caller = caller
        self._directory = directory
        self._now_ms = now_ms
        self._choose = choose
        self._ids: set[int] = set()  # hashes: the ids themselves could be large
        self._url = ""
        self._purpose = ""
        self._input = self._output = self._estimate = 0
        self._units: dict[str, int] = {}
        self.files: dict[str, None] = {}  # that lines name
        self.product: Product | None = None
        self.target: UpstreamTarget | None = None

    def feed(self, raw: bytes) -> bytes:
        """As the vendor is to get it. Raises Problem."""
        number = len(self._ids) + 1
        try:
            if number > LINES_MAX:
                raise BadRequest(
                    f"a file has {LINES_MAX} lines at most.", f"파일에는 {LINES_MAX}줄까지 담을 수 있습니다."
                )
            return self._feed(raw)
        except BadRequest as bad:
            raise _at(number, "invalid_request", bad.message_en, bad.message_ko) from None
        except Problem as problem:
            raise _at(number, problem.code, problem.english, problem.korean) from None

    def bounds(self) -> BatchBounds:
        """Raises Problem."""
        if self.product is None or self.target is None:
            raise Problem(
                "invalid_request",
                english="`file` must have at least one line.",
                korean="`file`에 한 줄 이상 담아 주세요.",
                param="file",
            )
        return BatchBounds(
            endpoint=self._url,
            purpose=self._purpose,
            lines=len(self._ids),
            input_tokens=self._input,
            output_tokens=self._output,
            input_estimate=self._estimate,
            units=self._units,
            terms=terms_of(self.product, self.target),
        )

    # -- inside

    def _feed(self, raw: bytes) -> bytes:
        line = read_line(raw)
        if hash(line.custom_id) in self._ids:
            raise BadRequest("`custom_id` was used by a line before.", "`custom_id`가 앞줄과 같습니다.")
        if self._url not in ("", line.url):
            raise BadRequest(
                f"`url` must be that of all lines: {self._url}.",
                f"`url` 값: 모든 줄이 같아야 합니다: {self._url}.",
            )
        route = OPENAI_BATCHED[line.url]
        facts = route.operation.read(line.body, len(raw), route.spoken)
        _refuse_what_no_batch_has(line.body, facts)
        product, target = self._admitted(facts, route)
        self._add(admission.ceiling(facts, product, self._now_ms, operation=route.operation), facts)
        asks_for_too_much = facts.output_limit is not None and facts.output_limit > product.max_output_tokens
        body = route.operation.encode(
            line.body,
            facts=facts,
            upstream_model=target.model,
            stream=False,
            output_limit=product.max_output_tokens if asks_for_too_much else None,
            quirks=quirks_for(target.vendor),
        )
        self._ids.add(hash(line.custom_id))
        self._url, self._purpose = line.url, facts.purpose
        self.files |= dict.fromkeys(facts.files)
        return write_line(line, body)

    def _admitted(self, facts: RequestFacts, route: Route) -> tuple[Product, UpstreamTarget]:
        if self.product is not None and self.target is not None:
            if facts.model != self.product.product_id:
                raise BadRequest(
                    f"`model` must be that of all lines: {self.product.product_id}.",
                    f"`model` 값: 모든 줄이 같아야 합니다: {self.product.product_id}.",
                )
            return self.product, self.target
        product = admission.product_for(self._caller, facts, self._directory.products.get(facts.model), route)
        target = self._choose(product)
        if target is None:
            raise BadRequest(
                f"{product.product_id} has no vendor with files and batches; choose another product.",
                f"{product.product_id}의 공급사는 파일과 배치를 제공하지 않습니다. 다른 상품을 써 주세요.",
            )
        self.product, self.target = product, target
        return product, target

    def _add(self, one: admission.Ceiling, facts: RequestFacts) -> None:
        self._input += one.input_tokens
        self._output += one.output_tokens
        self._estimate += admission.input_tokens_estimate(facts, one.input_tokens)
        for name, count in facts.units_max.items():
            if count:
                self._units[name] = self._units.get(name, 0) + count


async def read_lines(data: bytes, reader: LinesReader) -> bytes:
    """The whole file, as the vendor is to get it. Raises Problem."""
    if data.count(b"\n") > _BREAKS_MAX:  # quickly told, where empty lines without end would take their time
        raise Problem(
            "invalid_request",
            english=f"`file` must have {_BREAKS_MAX} lines at most, empty ones included.",
            korean=f"`file` 값: 빈 줄을 포함해 {_BREAKS_MAX}줄 이하여야 합니다.",
            param="file",
        )
    written: list[bytes] = []
    since_bytes = since_lines = start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        raw, start = data[start:end].strip(), end + 1
        if raw:
            written.append(reader.feed(raw))
        since_bytes, since_lines = since_bytes + len(raw), since_lines + 1
        if since_bytes >= _BREATH_BYTES or since_lines >= _BREATH_LINES:
            since_bytes = since_lines = 0
            await asyncio.sleep(0)
    return b"".join(written)


def _refuse_what_no_batch_has(body: dict[str, Any], facts: RequestFacts) -> None:
    for is_asked, name in (
        (facts.stream, "stream"),
        (facts.background, "background"),
        (facts.stores, "store"),
        (facts.follows is not None, "previous_response_id"),
        (facts.service_tier not in (None, STANDARD_TIER), "service_tier"),  # a batch has one price
    ):
        if is_asked:
            raise BadRequest(
                f"`{name}` is for single calls; leave it out of a batch.",
                f"`{name}`: 배치에서는 사용할 수 없습니다. 빼고 보내 주세요.",
            )


def _at(number: int, code: str, english: str, korean: str) -> Problem:
    return Problem(
        code, english=f"Line {number}: {english}", korean=f"{number}번째 줄: {korean}", param="file"
    )


__all__ = ["LinesReader", "read_lines"]
