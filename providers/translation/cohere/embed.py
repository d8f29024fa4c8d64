"""Embeddings of Cohere's second version. Pure.

It wants to know what a text is for: texts are documents unless the caller says another purpose. A text that
is too long is refused, as OpenAI does, and not cut in silence.
"""

from __future__ import annotations

from typing import Any, Final

from providers.cohere.usage import usage_of
from providers.quirks import Quirks
from providers.translation.embedding import Embedding, EmbeddingVendor, Purpose, Vectors

_PURPOSES: Final[dict[Purpose, str]] = {
    "document": "search_document",
    "query": "search_query",
    "classification": "classification",
    "clustering": "clustering",
}


def ask(said: Embedding, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "texts": list(said.texts),
        "input_type": _PURPOSES[said.purpose or "document"],
        "embedding_types": ["float"],
        "truncate": "NONE",
    }
    return body if said.dimensions is None else {**body, "output_dimension": said.dimensions}


def understand(answer: dict[str, Any], _: Quirks) -> Vectors:
    """The vectors stand under their kind, or, of a model that has one kind, by themselves."""
    vectors, answer_id = answer.get("embeddings"), answer.get("id")
    if type(vectors) is dict:
        vectors = vectors.get("float")
    return Vectors(
        vectors, usage_of(answer.get("meta")), upstream_id=answer_id if type(answer_id) is str else None
    )


VENDOR: Final = EmbeddingVendor(
    dialect="cohere",
    path=lambda model, stream: "/v2/embed",
    ask=ask,
    understand=understand,
    purposes=_PURPOSES,
)
