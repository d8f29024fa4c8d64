"""One dialect's caller on another's vendor: an operation of its own, made of one side of each. Pure.

The vendor's own fold reads its stream, so that usage, ends and errors are seen as in any other call; beside
it the content is heard, and said anew in the caller's dialect.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import orjson

from providers.dialect import Answer, Assembler, Operation
from providers.errors import unreadable
from providers.facts import RequestFacts
from providers.quirks import Quirks
from providers.translation.listening import GatheringAssembler, TranslatedAssembler, TranslatedFold
from providers.translation.neutral import inexpressible, without_thoughts
from providers.translation.port import CallerSide, VendorSide


@cache
def pair(caller: CallerSide, vendor: VendorSide) -> Operation:
    """The caller's chat, held with the vendor."""
    return Operation(
        name=caller.operation.name,
        read=caller.operation.read,
        encode=_Encode(caller, vendor),
        path=vendor.operation.path,
        answer=_Read(caller, vendor),
        answer_to=lambda facts: _Read(caller, vendor, facts),
        fold=_Folding(caller, vendor),
        assembler=_Assembling(caller, vendor),
        needs_limit=vendor.operation.needs_limit,
        remember=caller.remember,
    )


class _Pair:
    def __init__(self, caller: CallerSide, vendor: VendorSide) -> None:
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
        conversation = self.caller.hear(body, facts, self.vendor.dialect)
        shape = conversation.shape
        if shape is not None and shape.strict and not quirks.binds_schemas:
            raise inexpressible("response_format (strict)", self.vendor.dialect)
        # The caller's own limit goes to encoding as well: vendors name its field differently by model.
        limits = [limit for limit in (conversation.output_limit, output_limit) if limit is not None]
        return self.vendor.operation.encode(
            self.vendor.fit(self.vendor.ask(conversation), upstream_model),
            facts=facts,
            upstream_model=upstream_model,
            stream=stream,
            output_limit=min(limits, default=None),
            quirks=quirks,
        )


class _Read(_Pair):
    def __init__(self, caller: CallerSide, vendor: VendorSide, facts: RequestFacts | None = None) -> None:
        super().__init__(caller, vendor)
        self._include_thoughts = facts is None or facts.include_thoughts
        self._say = caller.say if facts is None else caller.sayer(facts)

    def __call__(self, body: bytes, /, *, product_id: str, quirks: Quirks) -> Answer:
        answer = self.vendor.operation.answer(body, product_id=product_id, quirks=quirks)
        if answer.error is not None:
            return answer
        return self.translated(answer, product_id)

    def translated(self, answer: Answer, product_id: str) -> Answer:
        said = orjson.loads(answer.body)
        if type(said) is not dict:
            error = unreadable("The vendor's answer is not an object.")
            return msgspec.structs.replace(answer, error=error)
        reply = self.vendor.understand(said)
        reply = reply if self._include_thoughts else without_thoughts(reply)
        reply = msgspec.structs.replace(reply, usage=answer.usage)
        return msgspec.structs.replace(answer, body=orjson.dumps(self._say(reply, product_id)))


class _Folding(_Pair):
    def __call__(self, product_id: str, facts: RequestFacts, quirks: Quirks) -> TranslatedFold:
        make = self.vendor.operation.fold
        assert make is not None, "a chat has streams"
        heard = make(product_id, facts, quirks)
        speaker = self.caller.make_speaker(product_id, facts)
        return TranslatedFold(heard, self.vendor.make_listener(), speaker, facts.include_thoughts)


class _Assembling(_Pair):
    def __call__(self, product_id: str, facts: RequestFacts, quirks: Quirks) -> Assembler:
        make = self.vendor.operation.assembler
        if make is not None:
            return TranslatedAssembler(
                self.caller, self.vendor, make(product_id, facts, quirks), product_id, facts
            )
        make_fold = self.vendor.operation.fold
        assert make_fold is not None, "a chat has streams"
        return GatheringAssembler(
            self.caller, self.vendor, make_fold(product_id, facts, quirks), product_id, facts
        )
