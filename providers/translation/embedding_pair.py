"""One dialect's call for embeddings, made by another's vendor: an operation of its own. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from providers.dialect import Answer, Operation, ReadAnswer
from providers.errors import unreadable
from providers.facts import RequestFacts
from providers.json_depth import written
from providers.quirks import NO_QUIRKS, Quirks
from providers.translation.embedding import Embedding, EmbeddingCaller, EmbeddingVendor, Told
from providers.translation.neutral import inexpressible
from providers.whole_answer import read_object


@cache
def embedding_pair(caller: EmbeddingCaller, vendor: EmbeddingVendor) -> Operation:
    """The caller's embeddings, made by the vendor."""
    return Operation(
        name=caller.operation.name,
        read=caller.operation.read,
        encode=_Encode(caller, vendor),
        path=vendor.path,
        answer=_Read(caller, vendor),
        answer_to=lambda facts: _Read(caller, vendor, facts),
    )


class _Pair:
    def __init__(self, caller: EmbeddingCaller, vendor: EmbeddingVendor) -> None:
        self.caller = caller
        self.vendor = vendor


class _Encode(_Pair):
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
        said = self.caller.hear(body, self.vendor.dialect)
        self._refuse_what_has_no_words(said)
        return written(self.vendor.ask(said, upstream_model))

    def _refuse_what_has_no_words(self, said: Embedding) -> None:
        names, vendor = self.caller.names, self.vendor
        if len(said.texts) > 1 and not vendor.takes_many:
            raise inexpressible(f"{names.texts} (more than one)", vendor.dialect)
        if said.dimensions is not None and not vendor.has_dimensions:
            raise inexpressible(names.dimensions, vendor.dialect)
        if said.purpose is not None and said.purpose not in vendor.purposes:
            raise inexpressible(names.purpose, vendor.dialect)


class _Read(_Pair, ReadAnswer):
    def __init__(
        self, caller: EmbeddingCaller, vendor: EmbeddingVendor, facts: RequestFacts | None = None
    ) -> None:
        super().__init__(caller, vendor)
        self._facts = facts

    def __call__(self, body: bytes, /, *, product_id: str, quirks: Quirks = NO_QUIRKS) -> Answer:
        answer = read_object(body)
        if isinstance(answer, Answer):
            return answer
        made = self.vendor.understand(answer, quirks)
        vectors, error, told = _vectors(made.vectors), made.error, None
        if error is None and vectors is None:
            error = unreadable("The vendor's answer has no vectors.")
        if error is None and self._facts is not None and len(vectors or ()) != self._facts.inputs:
            error = unreadable("The vendor's answer has not one vector for each text.")
        if error is None and vectors is not None:
            packed = self._facts is not None and self._facts.packed
            told = self.caller.say(Told(vectors, made.usage, product_id, packed))
        if told is None:
            error = error or unreadable("The vendor's answer has numbers that are too large.")
            return Answer(usage=made.usage, body=body, error=error, upstream_id=made.upstream_id)
        return Answer(usage=made.usage, body=orjson.dumps(told), upstream_id=made.upstream_id)


def _vectors(made: Any) -> list[list[float]] | None:
    """None: something among them is no vector, or there are none."""
    if type(made) is not list or not made:
        return None
    return made if all(_is_vector(item) for item in made) else None


def _is_vector(item: Any) -> bool:
    return type(item) is list and bool(item) and all(type(number) in (int, float) for number in item)
