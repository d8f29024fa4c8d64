"""Rerank: a query and documents, which come back in order of relevance. Pure.

The shape is one (`model`, `query`, `documents`, `top_n` or `top_k` -> `results` or `data` with `index` and
`relevance_score`), the bill is not. What is bounded here, for all of them:

    searches  Cohere: one for a query with up to 100 documents; what is longer than 500 tokens together with
              the query is cut into chunks, and each counts as a document. Of a query 256 tokens are read, so
              a chunk has room for 244 at least. (cohere.com/pricing; docs.cohere.com, "Best practices for
              using Rerank". Newer models have longer chunks, so fewer of them.)
    tokens    Voyage, Jina and vLLM: the query is read again with each document, or with each chunk of one.
              So is an instruction, which has as many names as there are vendors: all that is said beside
              the documents is bounded as if it were.

A token is at least one byte of text, so bytes bound both. Where a vendor does not count what a product is
priced by, an estimate is charged: four bytes to a token, and searches by the rule above.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage, usage_from_totals
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Answer
from providers.errors import unreadable
from providers.facts import IN_BODY, RequestFacts, Spoken, bad, model_of
from providers.json_depth import text_bytes, written_if_shallow
from providers.openai.answer import read_answer
from providers.openai.usage import usage_of
from providers.quirks import NO_QUIRKS, Quirks
from providers.service_tiers import asked_tier, with_tier

DOCUMENTS_PER_SEARCH: Final = 100
DOCUMENTS_MAX: Final = 10_000  # no vendor ranks more at once
QUERY_TOKENS_MAX: Final = 256
CHUNK_TOKENS: Final = 500  # with the query
CHUNK_TOKENS_MIN: Final = CHUNK_TOKENS - QUERY_TOKENS_MAX
# All else may be read with each document.
_READ_ONCE: Final = frozenset({"model", "documents"})


def read_rerank_request(body: dict[str, Any], body_bytes: int, _: Spoken = IN_BODY) -> RequestFacts:
    model = model_of(body)
    is_text = _measured("query", body.get("query"), body)[1]
    documents = body.get("documents")
    if type(documents) is not list or not documents:
        raise bad(
            "documents",
            "must be a list with at least one document",
            "문서가 하나 이상인 목록이어야 합니다",
        )
    if len(documents) > DOCUMENTS_MAX:
        raise bad("documents", f"hold {DOCUMENTS_MAX} at most", f"최대 {DOCUMENTS_MAX}개입니다")
    whole = not is_text
    lengths = []
    for document in documents:
        length, is_text = _measured("documents", document, body)
        lengths.append(length)
        whole = whole or not is_text
    again = sum(_text_bytes(said) for name, said in body.items() if name not in _READ_ONCE)
    chunks = sum(max(1, -(-length // CHUNK_TOKENS_MIN)) for length in lengths)
    return RequestFacts(
        purpose="rerank",
        model=model,
        body_bytes=body_bytes,
        takes_whole_context=whole,
        parts=chunks,
        inputs=chunks,
        repeated_bytes=again * chunks,
        searches_max=-(-chunks // DOCUMENTS_PER_SEARCH),
        searches_estimate=_searches_estimate(lengths, again),
        service_tier=asked_tier(body.get("service_tier")),
        input_estimate_tokens=-(-(sum(lengths) + again * len(lengths)) // ESTIMATE_BYTES_PER_TOKEN),
    )


def read_rerank_answer(body: bytes, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
    read = read_answer(body, product_id=product_id, quirks=quirks)
    if read.error is not None:
        return read
    answer = orjson.loads(body)
    ranked = any(type(answer.get(name)) is list for name in ("results", "data"))
    usage = _usage(answer, quirks)
    return Answer(
        usage=None if usage is None else with_tier(usage, answer.get("service_tier")),
        body=read.body,
        upstream_id=read.upstream_id,
        error=None if ranked else unreadable("The vendor's answer ranks nothing."),
    )


def _searches_estimate(lengths: list[int], again: int) -> int:
    """By Cohere's rules, at the usual bytes to a token."""
    query_tokens = min(-(-again // ESTIMATE_BYTES_PER_TOKEN), QUERY_TOKENS_MAX)
    room = (CHUNK_TOKENS - query_tokens) * ESTIMATE_BYTES_PER_TOKEN
    return -(-sum(max(1, -(-length // room)) for length in lengths) // DOCUMENTS_PER_SEARCH)


def _text_bytes(said: Any) -> int:
    """Of what may be read as text; numbers and flags are none."""
    return text_bytes(said) if type(said) in (str, list, dict) else 0


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
