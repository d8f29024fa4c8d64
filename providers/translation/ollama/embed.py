"""Embeddings of Ollama. Pure. A text that is too long is refused, and not cut in silence."""

from __future__ import annotations

from typing import Any, Final

from providers.ollama.errors import error_of
from providers.ollama.usage import usage_of
from providers.translation.embedding import Embedding, EmbeddingSide, Vectors
from providers.translation.neutral import inexpressible


def ask(said: Embedding) -> dict[str, Any]:
    if said.input_type is not None:
        raise inexpressible("input_type", "ollama")
    body: dict[str, Any] = {"input": list(said.texts), "truncate": False}
    return body if said.dimensions is None else {**body, "dimensions": said.dimensions}


def understand(answer: dict[str, Any]) -> Vectors:
    return Vectors(answer.get("embeddings"), usage_of(answer), error_of(answer))


EMBEDDINGS: Final = EmbeddingSide(dialect="ollama", path="/api/embed", ask=ask, understand=understand)
