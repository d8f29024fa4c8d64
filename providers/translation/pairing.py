"""One dialect's caller on another's vendor: an operation of its own, made of one side of each. Pure.

The vendor's own fold reads its stream, so that usage, ends and errors are seen as in any other call; beside
it the content is heard, and said anew in the caller's dialect.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import orjson

from metering.usage import Usage
from providers.dialect import Answer, Assembler, Fold, Listening, Operation, Refusal
from providers.errors import VendorError, unreadable
from providers.facts import RequestFacts
from providers.quirks import Quirks
from providers.sse import event_data
from providers.translation.gathering import Gathering
from providers.translation.neutral import Ending, ThinkingDelta, without_thoughts
from providers.translation.port import CallerSide, Listener, Speaker, VendorSide


@cache
def pair(caller: CallerSide, vendor: VendorSide) -> Operation:
    """The caller's chat, held with the vendor."""
    return Operation(
        name=caller.operation.name,
        read=caller.operation.read,
        encode=_Encode(caller, vendor),
        path=vendor.operation.path,
        answer=_Read(caller, vendor),
        answer_to=lambda facts: _Read(caller, vendor, facts.include_thoughts),
        fold=_Folding(caller, vendor),
        assembler=_Assembling(caller, vendor),
        needs_limit=vendor.operation.needs_limit,
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
    def __init__(self, caller: CallerSide, vendor: VendorSide, include_thoughts: bool = True) -> None:
        super().__init__(caller, vendor)
        self._include_thoughts = include_thoughts

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
        return msgspec.structs.replace(answer, body=orjson.dumps(self.caller.say(reply, product_id)))


class _Folding(_Pair):
    def __call__(self, product_id: str, facts: RequestFacts, quirks: Quirks) -> TranslatedFold:
        make = self.vendor.operation.fold
        assert make is not None, "a chat has streams"
        heard = make(product_id, facts, quirks)
        speaker = self.caller.make_speaker(product_id, facts)
        return TranslatedFold(heard, self.vendor.make_listener(), speaker, facts.include_thoughts)


def _is_comment(event: bytes) -> bool:
    return event.startswith(b":") and event_data(event) is None


class _Listens:
    """Usage, ends and errors are as the vendor's own reader hears them."""

    def __init__(self, heard: Listening) -> None:
        self._heard = heard

    @property
    def usage(self) -> Usage | None:
        return self._heard.usage

    @property
    def error(self) -> VendorError | None:
        return self._heard.error

    @property
    def finished(self) -> bool:
        return self._heard.finished

    @property
    def done(self) -> bool:
        return self._heard.done

    @property
    def upstream_id(self) -> str | None:
        return self._heard.upstream_id

    def delivered_tokens(self) -> int:
        return self._heard.delivered_tokens()


class TranslatedFold(_Listens):
    """The vendor's fold listens, the caller's speaker speaks."""

    def __init__(self, heard: Fold, listener: Listener, speaker: Speaker, include_thoughts: bool) -> None:
        super().__init__(heard)
        self._fold = heard
        self._listener = listener
        self._speaker = speaker
        self._include_thoughts = include_thoughts

    def feed(self, event: bytes) -> bytes:
        before = self._heard.error
        self._fold.feed(event)
        if self._heard.error is not before:
            return b""
        if _is_comment(event):  # the vendor is still there, which the caller's line needs to know as well
            return b"" if self._heard.done else self._speaker.comment(b"keep-alive")
        self._speaker.reply_id = self._speaker.reply_id or self._heard.upstream_id
        deltas = self._listener.feed(event)
        if not self._include_thoughts:
            deltas = [delta for delta in deltas if not isinstance(delta, ThinkingDelta)]
        return self._speaker.feed(deltas) if deltas else b""

    def owed_frames(self) -> bytes:
        return self._speaker.finish(self._heard.usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._speaker.graceful_end(usage)

    def terminal(self) -> bytes:
        return self._speaker.terminal()

    def comment(self, text: bytes) -> bytes:
        return self._speaker.comment(text)

    def failure(self, refusal: Refusal) -> bytes:
        return self._speaker.failure(refusal)


class _Assembling(_Pair):
    def __call__(self, product_id: str, facts: RequestFacts, quirks: Quirks) -> Assembler:
        make, thinks = self.vendor.operation.assembler, facts.include_thoughts
        if make is not None:
            return TranslatedAssembler(self, make(product_id, facts, quirks), product_id, thinks)
        make_fold = self.vendor.operation.fold
        assert make_fold is not None, "a chat has streams"
        return GatheringAssembler(self, make_fold(product_id, facts, quirks), product_id, thinks)


class GatheringAssembler(_Listens):
    """What the vendor's listener heard is put together, where its dialect never says a stream whole."""

    def __init__(self, sides: _Pair, heard: Fold, product_id: str, include_thoughts: bool) -> None:
        super().__init__(heard)
        self._include_thoughts = include_thoughts
        self._fold = heard
        self._listener = sides.vendor.make_listener()
        self._gathering = Gathering()
        self._say = sides.caller.say
        self._product_id = product_id

    def feed(self, event: bytes) -> None:
        self._fold.feed(event)
        self._gathering.feed(self._listener.feed(event))

    def answer(self, usage: Usage | None = None) -> bytes:
        return self._said("stop", usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._said("length", usage)

    def _said(self, ending: Ending, usage: Usage | None) -> bytes:
        reply = self._gathering.reply(self.upstream_id, ending)
        reply = reply if self._include_thoughts else without_thoughts(reply)
        reply = msgspec.structs.replace(reply, usage=usage if self.usage is None else self.usage)
        return orjson.dumps(self._say(reply, self._product_id))


class TranslatedAssembler(_Listens):
    """The vendor's own assembler puts its answer together, which is then said in the caller's dialect."""

    def __init__(self, sides: _Pair, assembler: Assembler, product_id: str, include_thoughts: bool) -> None:
        super().__init__(assembler)
        self._sides = sides
        self._assembler = assembler
        self._product_id = product_id
        self._include_thoughts = include_thoughts

    def feed(self, event: bytes) -> None:
        self._assembler.feed(event)

    def answer(self, usage: Usage | None = None) -> bytes:
        return self._said(self._assembler.answer(usage), usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._said(self._assembler.graceful_end(usage), usage)

    def _said(self, body: bytes, usage: Usage | None) -> bytes:
        try:
            reply = self._sides.vendor.understand(orjson.loads(body))
        except orjson.JSONDecodeError:  # an envelope can be one level deeper than can be read
            reply = self._sides.vendor.understand({})
        reply = reply if self._include_thoughts else without_thoughts(reply)
        reply = msgspec.structs.replace(reply, usage=usage if self.usage is None else self.usage)
        return orjson.dumps(self._sides.caller.say(reply, self._product_id))
