"""Embeddings of Cohere's second version. Pure.

It wants to know what a text is for, which OpenAI's words do not say: texts are documents unless the caller
says another `input_type`. A text that is too long is refused, as OpenAI does, and not cut in silence.
"""

from __future__ import annotations

from typing import Any, Final

from providers.cohere.usage import usage_of
from providers.translation.embedding import Embedding, EmbeddingSide, Vectors


def ask(said: Embedding) -> dict[str, Any]:
    body: dict[str, Any] = {
        "texts": list(said.texts),
        "input_type": said.input_type or "search_document",
        "embedding_types": ["float"],
        "truncate": "NONE",
    }
    return body if said.dimensions is None else {**body, "output_dimension": said.dimensions}


def understand(answer: dict[str, Any]) -> Vectors:
    """The vectors stand under their kind, or, of a model that has one kind, by themselves."""
    vectors, answer_id = answer.get("embeddings"), answer.get("id")
    if type(vectors) is dict:
        vectors = vectors.get("float")
    return Vectors(
        vectors, usage_of(answer.get("meta")), upstream_id=answer_id if type(answer_id) is str else None
    )


EMBEDDINGS: Final = EmbeddingSide(dialect="cohere", path="/v2/embed", ask=ask, understand=understand)
