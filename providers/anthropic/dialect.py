"""The Anthropic dialect, as one value: messages, and counting their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from providers.anthropic.answer import read_count, read_message
from providers.anthropic.assemble import Assembler
from providers.anthropic.encode import encode_count, encode_messages
from providers.anthropic.errors import read_error, refusal_body
from providers.anthropic.request import read_count_request, read_messages_request
from providers.anthropic.stream import StreamFold
from providers.dialect import Dialect, Found, Operation
from providers.facts import IN_BODY, RequestFacts
from providers.quirks import Quirks
from providers.sse import SseSplitter


def _fold(product_id: str, _: RequestFacts, quirks: Quirks) -> StreamFold:
    return StreamFold(product_id)


def _assembler(product_id: str, _: RequestFacts, quirks: Quirks) -> Assembler:
    return Assembler(product_id)


MESSAGES: Final = Operation(
    name="messages",
    read=read_messages_request,
    encode=encode_messages,
    path=lambda model, stream: "/v1/messages",
    answer=read_message,
    fold=_fold,
    assembler=_assembler,
    needs_limit=True,
)
COUNT_TOKENS: Final = Operation(
    name="count_tokens",
    read=read_count_request,
    encode=encode_count,
    path=lambda model, stream: "/v1/messages/count_tokens",
    answer=read_count,
)

_ROUTES: Final = {
    path: Found(operation=operation, spoken=IN_BODY, name=path)
    for path, operation in {"/v1/messages": MESSAGES, "/v1/messages/count_tokens": COUNT_TOKENS}.items()
}


def _find(path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Found | None:
    return _ROUTES.get(path)


ANTHROPIC: Final = Dialect(
    name="anthropic",
    find=_find,
    credential=lambda key: [f"x-api-key: {key}"],
    read_error=read_error,
    refusal=refusal_body,
    make_splitter=SseSplitter,
    # What we count is read as this version writes it, so a caller's own version is not passed on. There is
    # no other since 2023: what is new is asked for with anthropic-beta, and comes as fields and events more.
    head_lines=("anthropic-version: 2023-06-01",),
    relayed_headers=frozenset({b"anthropic-beta"}),
)
