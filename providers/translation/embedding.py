"""Embeddings: OpenAI's callers and vendors whose dialect has other words for them. Pure.

Small beside a chat: texts go there, vectors come back. Vectors are always asked for as numbers; for a caller
who wants them packed (base64 of 32-bit floats, what OpenAI's own SDK asks for) they are packed here.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
import orjson

from metering.usage import Usage
from providers.dialect import Answer, Operation, ReadAnswer
from providers.errors import VendorError, unreadable
from providers.facts import RequestFacts, bad, integer
from providers.json_depth import written
from providers.openai.dialect import EMBEDDINGS
from providers.quirks import NO_QUIRKS, Quirks
from providers.translation.neutral import inexpressible, known_only
from providers.whole_answer import read_object

_KNOWN: Final = frozenset({"model", "input", "dimensions", "encoding_format", "input_type", "user"})

_SAYS_NOTHING: Final = {"service_tier": ("auto", "default")}


class Embedding(msgspec.Struct, frozen=True):
    """A request. `input_type` is what the texts are for, where a vendor wants to know."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    input_type: str | None = None


class Vectors(msgspec.Struct, frozen=True):
    """An answer, as the vendor gave it: whatever stands in `vectors`."""

    vectors: Any
    usage: Usage | None
    error: VendorError | None = None
    upstream_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class EmbeddingSide:
    """Of a vendor's dialect."""

    dialect: str
    path: str
    ask: Callable[[Embedding], dict[str, Any]]
    understand: Callable[[dict[str, Any]], Vectors]


@cache
def embedding_pair(vendor: EmbeddingSide) -> Operation:
    """The embeddings of OpenAI's callers, made by the vendor."""
    return Operation(
        name=EMBEDDINGS.name,
        read=EMBEDDINGS.read,
        encode=_Encode(vendor),
        path=lambda model, stream: vendor.path,
        answer=_Read(vendor, packed=False),
        answer_to=lambda facts: _Read(vendor, packed=facts.packed),
    )


def hear(body: dict[str, Any], vendor_dialect: str) -> Embedding:
    """Raises BadRequest."""
    known_only(body, _KNOWN, vendor_dialect, says_nothing=_SAYS_NOTHING)
    given, wanted = body.get("input"), body.get("input_type")
    texts = [given] if type(given) is str else given
    if type(texts) is not list or not all(type(text) is str for text in texts):
        raise inexpressible("input (tokens)", vendor_dialect)
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise inexpressible("encoding_format", vendor_dialect)
    if wanted is not None and type(wanted) is not str:
        raise bad("input_type", "must be a text", "텍스트여야 합니다")
    return Embedding(tuple(texts), integer(body, "dimensions"), wanted)


class _Encode:
    def __init__(self, vendor: EmbeddingSide) -> None:
        self._vendor = vendor

    def __call__(
        self,
        body: dict[str, Any],
        *,
        facts: RequestFacts,
        upstream_model: str,
        stream: bool,
        output_limit: int | None,
        quirks: Quirks,
    ) -> bytes:
        asked = self._vendor.ask(hear(body, self._vendor.dialect))
        return written({**asked, "model": upstream_model})


class _Read(ReadAnswer):
    def __init__(self, vendor: EmbeddingSide, *, packed: bool) -> None:
        self._vendor = vendor
        self._packed = packed

    def __call__(self, body: bytes, /, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
        answer = read_object(body)
        if isinstance(answer, Answer):
            return answer
        said = self._vendor.understand(answer)
        vectors = [_vector(item, packed=self._packed) for item in _list(said.vectors)]
        error = said.error
        if error is None and (not vectors or None in vectors):
            error = unreadable("The vendor's answer has no vectors.")
        if error is not None:
            return Answer(usage=said.usage, body=body, error=error, upstream_id=said.upstream_id)
        told = _told(vectors, said.usage, product_id)
        return Answer(usage=said.usage, body=orjson.dumps(told), upstream_id=said.upstream_id)


def _told(vectors: list[Any], usage: Usage | None, product_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ],
        "model": product_id,
    }
    if usage is not None:
        body["usage"] = {"prompt_tokens": usage.input_total, "total_tokens": usage.input_total}
    return body


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _vector(item: Any, *, packed: bool) -> list[float] | str | None:
    """None: not a vector."""
    if type(item) is not list or not item or not all(type(number) in (int, float) for number in item):
        return None
    if not packed:
        return item
    try:
        return base64.b64encode(struct.pack(f"<{len(item)}f", *item)).decode()
    except (OverflowError, struct.error):
        return None
