"""Rerank: a query and documents, which come back in order of relevance. Pure.

The shape is one (`model`, `query`, `documents`, `top_n` or `top_k` -> `results` or `data` with `index` and
`relevance_score`), the bill is not. What is bounded here, for all of them:

    searches  Cohere: one for a query with up to 100 documents; what is longer than 500 tokens together with
              the query is cut into chunks, and each counts as a document. Of a query 256 tokens are read, so
              a chunk has room for 244 at least. (cohere.com/pricing; docs.cohere.com, "Best practices for
              using Rerank". Newer models have longer chunks, so fewer of them.)
    tokens    Voyage, Jina and vLLM: the query is read again with each document, or with each chunk of one.

A token is at least one byte of text, so bytes bound both.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage, usage_from_totals
from providers.dialect import Answer
from providers.errors import unreadable
from providers.facts import IN_BODY, RequestFacts, Spoken, bad, model_of
from providers.json_depth import written_if_shallow
from providers.openai.answer import read_answer
from providers.openai.usage import usage_of
from providers.quirks import NO_QUIRKS, Quirks

DOCUMENTS_PER_SEARCH: Final = 100
DOCUMENTS_MAX: Final = 10_000  # no vendor ranks more at once
CHUNK_TOKENS_MIN: Final = 500 - 256


def read_rerank_request(body: dict[str, Any], body_bytes: int, _: Spoken = IN_BODY) -> RequestFacts:
    model = model_of(body)
    query_bytes, is_text = _measured("query", body.get("query"), body)
    documents = body.get("documents")
    if type(documents) is not list or not documents:
        raise bad(
            "documents",
            "must be a list with at least one document",
            "문서가 하나 이상인 목록이어야 합니다",
        )
    if len(documents) > DOCUMENTS_MAX:
        raise bad("documents", f"hold {DOCUMENTS_MAX} at most", f"최대 {DOCUMENTS_MAX}개입니다")
    chunks, whole = 0, not is_text
    for document in documents:
        length, is_text = _measured("documents", document, body)
        chunks += max(1, -(-length // CHUNK_TOKENS_MIN))
        whole = whole or not is_text
    return RequestFacts(
        purpose="rerank",
        model=model,
        body_bytes=body_bytes,
        takes_whole_context=whole,
        parts=chunks,
        inputs=chunks,
        repeated_bytes=query_bytes * chunks,
        searches_max=-(-chunks // DOCUMENTS_PER_SEARCH),
    )


def read_rerank_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    read = read_answer(body, product_id=product_id, quirks=quirks)
    if read.error is not None:
        return read
    answer = orjson.loads(body)
    ranked = any(type(answer.get(name)) is list for name in ("results", "data"))
    return Answer(
        usage=_usage(answer, quirks),
        body=read.body,
        upstream_id=read.upstream_id,
        error=None if ranked else unreadable("The vendor's answer ranks nothing."),
    )


def _measured(field: str, said: Any, body: dict[str, Any]) -> tuple[int, bool]:
    """(bytes, whether it is text and no more) of a query or a document.

    An object may name a picture; Cohere's first version has objects of texts with `rank_fields`.
    """
    if type(said) is str:
        return len(said.encode(errors="replace")), True
    if type(said) is not dict or not said:
        raise bad(
            field, "must be text, or an object with a text", "텍스트이거나 텍스트를 담은 객체여야 합니다"
        )
    is_text = all(type(value) is str for value in said.values()) and (
        said.keys() == {"text"} or (field == "documents" and body.get("rank_fields") is not None)
    )
    written = written_if_shallow(said)
    return (0 if written is None else len(written)), is_text and written is not None


def _usage(answer: dict[str, Any], quirks: Quirks) -> Usage | None:
    """Tokens and searches, wherever a vendor counts them; None where it counts nothing."""
    usage, meta = answer.get("usage"), answer.get("meta")
    usage = usage if type(usage) is dict else {}
    billed = meta.get("billed_units") if type(meta) is dict else None
    billed = billed if type(billed) is dict else {}
    searches = _count(billed.get("search_units"))
    searches = _count(usage.get("search_units")) if searches is None else searches
    tokens = usage_of(usage, quirks) or usage_of(billed, quirks)
    if searches is None:
        return tokens
    return usage_from_totals(
        input_total=0 if tokens is None else tokens.input_total,
        output_total=0 if tokens is None else tokens.output_total,
        cached_input=0 if tokens is None else tokens.cached_input,
        units={"searches": searches},
    )


def _count(value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None
