"""Embeddings of Ollama. Pure. A text that is too long is refused, and not cut in silence."""

from __future__ import annotations

from typing import Any, Final

from providers.ollama.errors import error_of
from providers.ollama.usage import usage_of
from providers.quirks import Quirks
from providers.translation.embedding import Embedding, EmbeddingVendor, Vectors


def ask(said: Embedding, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "input": list(said.texts), "truncate": False}
    return body if said.dimensions is None else {**body, "dimensions": said.dimensions}


def understand(answer: dict[str, Any], _: Quirks) -> Vectors:
    return Vectors(answer.get("embeddings"), usage_of(answer), error_of(answer))


VENDOR: Final = EmbeddingVendor(
    dialect="ollama", path=lambda model, stream: "/api/embed", ask=ask, understand=understand
)
