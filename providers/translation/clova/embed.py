"""Embeddings of CLOVA Studio's callers and vendors: one text a call, and nothing else can be said. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.clova.dialect import EMBEDDINGS
from providers.clova.errors import error_of
from providers.clova.usage import usage_of
from providers.quirks import Quirks
from providers.translation.embedding import (
    Embedding,
    EmbeddingCaller,
    EmbeddingVendor,
    Names,
    Told,
    Vectors,
)
from providers.translation.neutral import known_only

_KNOWN: Final = frozenset({"text", "model"})


def hear(body: dict[str, Any], vendor_dialect: str) -> Embedding:
    """`text` was seen to be one when the request was read."""
    known_only(body, _KNOWN, vendor_dialect)
    return Embedding((body["text"],))


def say(told: Told) -> dict[str, Any]:
    result: dict[str, Any] = {"embedding": told.vectors[0]}
    if told.usage is not None:
        result["inputTokens"] = told.usage.input_total
    return {"status": {"code": "20000", "message": "OK"}, "result": result}


def ask(said: Embedding, model: str) -> dict[str, Any]:
    """Its model stands in the path."""
    return {"text": said.texts[0]}


def understand(answer: dict[str, Any], _: Quirks) -> Vectors:
    result = answer.get("result")
    vector = result.get("embedding") if type(result) is dict else None
    return Vectors([vector], usage_of(result), error_of(answer))


CALLER: Final = EmbeddingCaller(
    dialect="clova", operation=EMBEDDINGS, names=Names(texts="text"), hear=hear, say=say
)
VENDOR: Final = EmbeddingVendor(
    dialect="clova",
    path=EMBEDDINGS.path,
    ask=ask,
    understand=understand,
    has_dimensions=False,
    takes_many=False,
)
