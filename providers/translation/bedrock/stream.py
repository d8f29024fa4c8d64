"""Events of a Converse stream -> Delta by Delta. Pure."""

from __future__ import annotations

from typing import Any

from providers.bedrock.events import block_of, read_event
from providers.translation.bedrock.reply import ENDINGS, is_callers
from providers.translation.neutral import (
    CallDelta,
    ChoiceEnd,
    Delta,
    TextDelta,
    ThinkingDelta,
    Untranslatable,
    ending_by,
)


class _Call:
    """A tool call that is being said."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_said = False


class Listener:
    """One per stream. Only calls need their block's number: text and thoughts say what they are."""

    def __init__(self) -> None:
        self._calls: dict[int | None, _Call] = {}
        self._begun = 0
        self._has_ended = False

    def feed(self, event: bytes) -> list[Delta]:
        read = None if self._has_ended else read_event(event)
        if read is None:
            return []
        block = block_of(read.said)
        match read.name:
            case "contentBlockStart":
                return self._begin(block, read.said.get("start"))
            case "contentBlockDelta":
                return self._continue(block, read.said.get("delta"))
            case "contentBlockStop":
                return self._stop(block)
            case "messageStop":
                self._has_ended = True
                rest = [delta for block in list(self._calls) for delta in self._stop(block)]
                return [*rest, ChoiceEnd(0, ending_by(ENDINGS, read.said.get("stopReason")))]
        return []

    def _begin(self, block: int | None, start: Any) -> list[Delta]:
        match start:
            case {"toolUse": {"toolUseId": str(call_id), "name": str(name)} as call} if is_callers(call):
                before = self._stop(block)  # the number was a call's already
                self._calls[block] = _Call(self._begun)
                self._begun += 1
                return [*before, CallDelta(0, self._begun - 1, call_id, name)]
            case {"image": dict()}:
                raise Untranslatable("a picture")
        return []

    def _continue(self, block: int | None, delta: Any) -> list[Delta]:
        match delta:
            case {"text": str(text)} if text:
                return [TextDelta(0, text)]
            case {"reasoningContent": {"text": str(thought)}} if thought:
                return [ThinkingDelta(0, thought)]
            case {"reasoningContent": {"signature": str(signature)}} if signature:
                return [ThinkingDelta(0, "", signature)]
            case {"toolUse": {"input": str(piece)}} if piece and block in self._calls:
                call = self._calls[block]
                call.is_said = True
                return [CallDelta(0, call.number, arguments=piece)]
        return []

    def _stop(self, block: int | None) -> list[Delta]:
        """A call without a piece has no arguments: elsewhere that is `{}` at least."""
        call = self._calls.pop(block, None)
        return [] if call is None or call.is_said else [CallDelta(0, call.number, arguments="{}")]
