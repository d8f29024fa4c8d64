"""A call of a pair as it is read: the vendor's reader hears it, the caller's side says it anew. Pure."""

from __future__ import annotations

from typing import Final

import msgspec
import orjson

from metering.usage import Usage
from providers.dialect import Assembler, Fold, Refusal
from providers.errors import TOO_LARGE, VendorError
from providers.facts import RequestFacts
from providers.progress import Listening
from providers.sse import event_data
from providers.translation.gathering import Gathering
from providers.translation.neutral import Ending, ThinkingDelta, without_thoughts
from providers.translation.port import CallerSide, Listener, Speaker, VendorSide

# Of events that a caller hears of only later: where calls come in turns, or a call is told whole.
WAITING_BYTES_MAX: Final = 32 << 20


def _is_comment(event: bytes) -> bool:
    return event.startswith(b":") and event_data(event) is None


class Listens:
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

    @property
    def container_id(self) -> str | None:
        return None  # callers of other dialects are not told

    def delivered_tokens(self) -> int:
        return self._heard.delivered_tokens()

    def told_input(self) -> Usage | None:
        return self._heard.told_input()


class TranslatedFold(Listens):
    """The vendor's fold listens, the caller's speaker speaks."""

    def __init__(self, heard: Fold, listener: Listener, speaker: Speaker, include_thoughts: bool) -> None:
        super().__init__(heard)
        self._listener = listener
        self._fold = heard
        self._speaker = speaker
        self._include_thoughts = include_thoughts
        self._waiting_bytes = 0

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
        out = self._speaker.feed(deltas) if deltas else b""
        if deltas and not out:
            self._waiting_bytes += len(event)
        return out

    @property
    def error(self) -> VendorError | None:
        too_much = TOO_LARGE if self._waiting_bytes > WAITING_BYTES_MAX else None
        return self._heard.error or too_much

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


class GatheringAssembler(Listens):
    """What the vendor's listener heard is put together, where its dialect never says a stream whole."""

    def __init__(
        self, caller: CallerSide, vendor: VendorSide, heard: Fold, product_id: str, facts: RequestFacts
    ) -> None:
        super().__init__(heard)
        self._listener = vendor.make_listener()
        self._include_thoughts = facts.include_thoughts
        self._fold = heard
        self._gathering = Gathering()
        self._say = caller.sayer(facts)
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


class TranslatedAssembler(Listens):
    """The vendor's own assembler puts its answer together, which is then said in the caller's dialect."""

    def __init__(
        self,
        caller: CallerSide,
        vendor: VendorSide,
        heard: Assembler,
        product_id: str,
        facts: RequestFacts,
    ) -> None:
        super().__init__(heard)
        self._vendor = vendor
        self._say = caller.sayer(facts)
        self._assembler = heard
        self._product_id = product_id
        self._include_thoughts = facts.include_thoughts

    def feed(self, event: bytes) -> None:
        self._assembler.feed(event)

    def answer(self, usage: Usage | None = None) -> bytes:
        return self._said(self._assembler.answer(usage), usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._said(self._assembler.graceful_end(usage), usage)

    def _said(self, body: bytes, usage: Usage | None) -> bytes:
        try:
            reply = self._vendor.understand(orjson.loads(body))
        except orjson.JSONDecodeError:
            reply = self._vendor.understand({})  # an envelope can be one level deeper than can be read
        reply = reply if self._include_thoughts else without_thoughts(reply)
        reply = msgspec.structs.replace(reply, usage=usage if self.usage is None else self.usage)
        return orjson.dumps(self._say(reply, self._product_id))
