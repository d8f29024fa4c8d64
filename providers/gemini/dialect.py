"""The Gemini dialect, as one value: content (whole, as events, as an array), embeddings, counting.

`x-goog-api-client` is not relayed: it names the caller's machine and libraries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from providers.dialect import Dialect, Found, Operation
from providers.facts import RequestFacts, Spoken
from providers.gemini.answer import read_answer, read_count
from providers.gemini.assemble import Assembler
from providers.gemini.encode import encode_count, encode_embed, encode_generate, path_of
from providers.gemini.errors import read_error, refusal_body
from providers.gemini.request import (
    read_batch_embed_request,
    read_count_request,
    read_embed_request,
    read_generate_request,
)
from providers.gemini.stream import StreamFold
from providers.quirks import Quirks
from providers.sse import SseSplitter

QUERY_FIELDS_MAX: Final = 20
# Wider than a product's id, so that a wrong one is told as such.
_PATH: Final = re.compile(r"/(v1|v1beta)/models/([A-Za-z0-9][A-Za-z0-9._@-]{0,127}):([A-Za-z]{1,40})")


def _fold(product_id: str, facts: RequestFacts, _: Quirks) -> StreamFold:
    return StreamFold(product_id, facts.as_array)


def _assembler(product_id: str, facts: RequestFacts, _: Quirks) -> Assembler:
    return Assembler(product_id)


def _content_path(model: str, stream: bool) -> str:
    """Streams are always asked for as events."""
    return path_of(model, "streamGenerateContent?alt=sse" if stream else "generateContent")


GENERATE: Final = Operation(
    name="generate",
    read=read_generate_request,
    encode=encode_generate,
    path=_content_path,
    answer=read_answer,
    fold=_fold,
    assembler=_assembler,
)
EMBED: Final = Operation(
    name="embeddings",
    read=read_embed_request,
    encode=encode_embed,
    path=lambda model, stream: path_of(model, "embedContent"),
    answer=read_answer,
)
BATCH_EMBED: Final = Operation(
    name="batch_embeddings",
    read=read_batch_embed_request,
    encode=encode_embed,
    path=lambda model, stream: path_of(model, "batchEmbedContents"),
    answer=read_answer,
)
COUNT: Final = Operation(
    name="count",
    read=read_count_request,
    encode=encode_count,
    path=lambda model, stream: path_of(model, "countTokens"),
    answer=read_count,
)
_VERBS: Final = {
    "generateContent": GENERATE,
    "streamGenerateContent": GENERATE,
    "embedContent": EMBED,
    "batchEmbedContents": BATCH_EMBED,
    "countTokens": COUNT,
}


def _find(path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Found | None:
    matched = _PATH.fullmatch(unquote(path) if "%" in path else path)
    operation = None if matched is None else _VERBS.get(matched[3])
    if matched is None or operation is None:
        return None
    version, model, verb = matched.groups()
    is_stream = verb == "streamGenerateContent"
    as_array = is_stream and not _asks_for_events(query)
    return Found(
        operation=operation,
        spoken=Spoken(model=model, stream=is_stream, as_array=as_array),
        # An array is a route of its own: nobody's Idempotency-Key may give events for it.
        name=f"/{version}/models/{{product}}:{verb}{'[]' if as_array else ''}",
    )


def _asks_for_events(query: bytes) -> bool:
    fields = [unquote_to_bytes(field) for field in query.split(b"&", QUERY_FIELDS_MAX)]
    return b"alt=sse" in fields or b"$alt=sse" in fields


GEMINI: Final = Dialect(
    name="gemini",
    find=_find,
    credential=lambda key: [f"x-goog-api-key: {key}"],
    read_error=read_error,
    refusal=refusal_body,
    make_splitter=SseSplitter,
)
