"""Embeddings of Gemini's callers and vendors, one (`embedContent`) or several (`batchEmbedContents`). Pure.

A vendor is always asked for a batch: its models report usage alike for both, or for neither. A content of
several parts is one vector there, made of them in a way that no other vendor could be told: it is refused. So
is a request of a batch that asks for other than the first does, as other vendors' calls have one word for all
their texts.
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import bad, integer, text
from providers.gemini.dialect import BATCH_EMBED, EMBED
from providers.gemini.encode import model_name
from providers.gemini.errors import error_of
from providers.gemini.usage import find_usage, usage_of
from providers.quirks import Quirks
from providers.translation.embedding import (
    Embedding,
    EmbeddingCaller,
    EmbeddingVendor,
    Names,
    Purpose,
    Told,
    Vectors,
)
from providers.translation.gemini.fields import fields, items, nothing_but, within
from providers.translation.neutral import inexpressible, only_said

_WORDS: Final[dict[Purpose, str]] = {
    "document": "RETRIEVAL_DOCUMENT",
    "query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
# Its older SDK writes the enum's numbers.
_NUMBERS: Final[dict[Purpose, int]] = {"query": 1, "document": 2, "classification": 4, "clustering": 5}
_PURPOSES: Final[dict[str | int, Purpose]] = {
    **{word: purpose for purpose, word in _WORDS.items()},
    **{number: purpose for purpose, number in _NUMBERS.items()},
}
_UNSAID: Final = ("TASK_TYPE_UNSPECIFIED", 0)
# Fields that say nothing with these values, and cannot be said with others. No other vendor cuts a text here.
_CONFIG_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "title": ("",),
    "autoTruncate": (False,),
    "documentOcr": (False,),
    "audioTrackExtraction": (False,),
}
_SAYS_NOTHING: Final = {
    **_CONFIG_SAYS_NOTHING,
    "serviceTier": ("", "unspecified", "standard", "SERVICE_TIER_UNSPECIFIED", "STANDARD"),
}
_SAID: Final = frozenset({"taskType", "outputDimensionality"})
_CONFIG: Final = _SAID | _CONFIG_SAYS_NOTHING.keys()
_REQUEST: Final = _SAID | _SAYS_NOTHING.keys() | {"model", "content", "embedContentConfig"}
_BATCH: Final = frozenset({"model", "requests", "serviceTier"})
_CONTENT: Final = frozenset({"role", "parts"})
_CONTENT_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {"role": ("", "user")}
_PART: Final = frozenset({"text"})


def hear(body: dict[str, Any], vendor_dialect: str) -> Embedding:
    """Raises BadRequest."""
    return _request(body, "", vendor_dialect)


def hear_batch(body: dict[str, Any], vendor_dialect: str) -> Embedding:
    """Raises BadRequest."""
    said = fields(body, _BATCH, "", vendor_dialect)
    nothing_but(said, {"serviceTier": _SAYS_NOTHING["serviceTier"]}, "", vendor_dialect)
    requests = items(said["requests"])
    heard = [
        _request(request, f"requests[{index}]", vendor_dialect) for index, request in enumerate(requests)
    ]
    first = heard[0]
    for index, other in enumerate(heard):
        where = f"requests[{index}]"
        if other.purpose != first.purpose:
            raise inexpressible(f"{where}.taskType (not that of the others)", vendor_dialect)
        if other.dimensions != first.dimensions:
            raise inexpressible(f"{where}.outputDimensionality (not that of the others)", vendor_dialect)
    return Embedding(tuple(one.texts[0] for one in heard), first.dimensions, first.purpose)


def _request(request: Any, where: str, vendor_dialect: str) -> Embedding:
    said = fields(request, _REQUEST, where, vendor_dialect)
    nothing_but(said, _SAYS_NOTHING, where, vendor_dialect)
    inside = within(where, "embedContentConfig")
    config = fields(said.get("embedContentConfig", {}), _CONFIG, inside, vendor_dialect)
    nothing_but(config, _CONFIG_SAYS_NOTHING, inside, vendor_dialect)
    for name in sorted(_SAID & said.keys() & config.keys()):  # which of the two is meant?
        raise inexpressible(within(inside, name), vendor_dialect)
    config = {**said, **config}
    return Embedding(
        (_text(said.get("content"), within(where, "content"), vendor_dialect),),
        integer(config, "outputDimensionality"),
        _purpose(config.get("taskType", 0), within(where, "taskType"), vendor_dialect),
    )


def _text(content: Any, where: str, vendor_dialect: str) -> str:
    said = fields(content, _CONTENT, where, vendor_dialect)
    nothing_but(said, _CONTENT_SAYS_NOTHING, where, vendor_dialect)
    parts = items(said.get("parts"))
    if len(parts) > 1:
        raise inexpressible(f"{where}.parts (more than one)", vendor_dialect)
    place = f"{where}.parts[0]"
    found = text(fields(parts[0], _PART, place, vendor_dialect), "text", f"{place}.") if parts else None
    if found is None:
        raise bad(f"{where}.parts", "must hold a text", "텍스트가 있어야 합니다")
    return found


def _purpose(word: Any, where: str, vendor_dialect: str) -> Purpose | None:
    if type(word) in (str, int):
        if word in _UNSAID:
            return None
        if word in _PURPOSES:
            return _PURPOSES[word]
    raise inexpressible(where, vendor_dialect)


def say(told: Told) -> dict[str, Any]:
    return {"embedding": {"values": told.vectors[0]}, **_usage(told)}


def say_batch(told: Told) -> dict[str, Any]:
    return {"embeddings": [{"values": vector} for vector in told.vectors], **_usage(told)}


def _usage(told: Told) -> dict[str, Any]:
    return {} if told.usage is None else {"usageMetadata": {"promptTokenCount": told.usage.input_total}}


def ask(said: Embedding, model: str) -> dict[str, Any]:
    request = only_said(
        {
            "model": model_name(model),
            "taskType": None if said.purpose is None else _WORDS[said.purpose],
            "outputDimensionality": said.dimensions,
        }
    )
    return {"requests": [{**request, "content": {"parts": [{"text": text}]}} for text in said.texts]}


def understand(answer: dict[str, Any], _: Quirks) -> Vectors:
    raw, vectors, answer_id = find_usage(answer), answer.get("embeddings"), answer.get("responseId")
    if type(vectors) is list:
        vectors = [item.get("values") if type(item) is dict else None for item in vectors]
    return Vectors(
        vectors,
        None if raw is None else usage_of(raw),
        error_of(answer),
        answer_id if type(answer_id) is str and answer_id else None,
    )


_NAMES: Final = Names(texts="requests", dimensions="outputDimensionality", purpose="taskType")
CALLER: Final = EmbeddingCaller(dialect="gemini", operation=EMBED, names=_NAMES, hear=hear, say=say)
BATCH_CALLER: Final = EmbeddingCaller(
    dialect="gemini", operation=BATCH_EMBED, names=_NAMES, hear=hear_batch, say=say_batch
)
VENDOR: Final = EmbeddingVendor(
    dialect="gemini", path=BATCH_EMBED.path, ask=ask, understand=understand, purposes=_WORDS
)
