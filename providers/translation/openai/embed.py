"""Embeddings of OpenAI's callers and vendors. Pure.

Its words do not say what the texts are for; some who speak its dialect take an `input_type`, and so its
callers may say one, in Cohere's words or in Voyage's. Where vectors are wanted packed (base64 of 32-bit
floats, what OpenAI's own SDK asks for) they are packed here.
"""

from __future__ import annotations

import base64
import struct
from typing import Any, Final

from providers.facts import bad, integer
from providers.openai.dialect import EMBEDDINGS
from providers.openai.errors import error_of
from providers.openai.usage import find_usage, usage_of
from providers.quirks import Quirks
from providers.service_tiers import with_tier
from providers.translation.embedding import (
    Embedding,
    EmbeddingCaller,
    EmbeddingVendor,
    Names,
    Purpose,
    Told,
    Vectors,
)
from providers.translation.neutral import inexpressible, known_only, only_said

# Said of the call, not of the answer.
HINTS: Final = frozenset({"user"})
_KNOWN: Final = HINTS | {"model", "input", "dimensions", "encoding_format", "input_type"}
_SAYS_NOTHING: Final = {"service_tier": ("auto", "default")}
_PURPOSES: Final[dict[str, Purpose]] = {
    "search_document": "document",
    "document": "document",
    "search_query": "query",
    "query": "query",
    "classification": "classification",
    "clustering": "clustering",
}


def hear(body: dict[str, Any], vendor_dialect: str) -> Embedding:
    """Raises BadRequest."""
    known_only(body, _KNOWN, vendor_dialect, says_nothing=_SAYS_NOTHING)
    given = body.get("input")
    texts = [given] if type(given) is str else given
    if type(texts) is not list or not all(type(text) is str for text in texts):
        raise inexpressible("input (tokens)", vendor_dialect)
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise inexpressible("encoding_format", vendor_dialect)
    return Embedding(tuple(texts), integer(body, "dimensions"), _purpose(body, vendor_dialect))


def _purpose(body: dict[str, Any], vendor_dialect: str) -> Purpose | None:
    wanted = body.get("input_type")
    if wanted is None:
        return None
    if type(wanted) is not str:
        raise bad("input_type", "must be a text", "텍스트여야 합니다")
    if wanted not in _PURPOSES:
        raise inexpressible("input_type", vendor_dialect)
    return _PURPOSES[wanted]


def say(told: Told) -> dict[str, Any] | None:
    vectors: list[Any] = told.vectors
    if told.packed:
        try:
            vectors = [_packed(vector) for vector in vectors]
        except (OverflowError, struct.error):
            return None
    body: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ],
        "model": told.product_id,
    }
    if told.usage is not None:
        count = told.usage.input_total
        body["usage"] = {"prompt_tokens": count, "total_tokens": count}
    return body


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def ask(said: Embedding, model: str) -> dict[str, Any]:
    """It answers with numbers unless it is told otherwise; not all who speak it take a word for that."""
    return only_said({"model": model, "input": list(said.texts), "dimensions": said.dimensions})


def understand(answer: dict[str, Any], quirks: Quirks) -> Vectors:
    raw, answer_id = find_usage(answer), answer.get("id")
    usage = None if raw is None else usage_of(raw, quirks)
    return Vectors(
        _in_order(answer.get("data")),
        None if usage is None else with_tier(usage, answer.get("service_tier")),
        error_of(answer),
        answer_id if type(answer_id) is str and answer_id else None,
    )


def _in_order(data: Any) -> list[Any] | None:
    """By their index, which says whose vector each is; as they stand where some have none."""
    if type(data) is not list or not all(type(item) is dict for item in data):
        return None
    if all(type(item.get("index")) is int for item in data):
        data = sorted(data, key=lambda item: item["index"])
    return [item.get("embedding") for item in data]


CALLER: Final = EmbeddingCaller(
    dialect="openai",
    operation=EMBEDDINGS,
    names=Names(texts="input", dimensions="dimensions", purpose="input_type"),
    hear=hear,
    say=say,
)
VENDOR: Final = EmbeddingVendor(dialect="openai", path=EMBEDDINGS.path, ask=ask, understand=understand)
