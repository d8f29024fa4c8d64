"""Events of a Converse stream -> Delta by Delta. Pure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any, Final

from providers.bedrock.events import block_of, read_event
from providers.translation.bedrock.reply import ENDINGS, is_callers, picture
from providers.translation.neutral import (
    A_PICTURE,
    A_SOUND,
    CallDelta,
    ChoiceEnd,
    Delta,
    Image,
    Text,
    TextDelta,
    ThinkingDelta,
    ending_by,
    left_out,
    part_delta,
)

PICTURE_BYTES_MAX: Final = 32 << 20  # in base64: more than any model draws


class _Call:
    """A tool call that is being said."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_said = False


class _Picture:
    """One that comes in pieces, each of them base64 by itself."""

    def __init__(self, form: Any) -> None:
        self._form = form
        self._pieces: list[bytes] = []
        self._left_bytes = PICTURE_BYTES_MAX

    def take(self, piece: str) -> None:
        self._left_bytes -= len(piece)
        if self._left_bytes >= 0:
            self._pieces.append(b64decode(piece))  # raises ValueError

    def whole(self) -> Image | Text:
        if self._left_bytes < 0 or not self._pieces:
            return left_out(A_PICTURE)
        return picture(self._form, b64encode(b"".join(self._pieces)).decode())


class Listener:
    """One per stream. Calls and pictures need their block's number: text and thoughts say what they are."""

    def __init__(self) -> None:
        self._pictures: dict[int | None, _Picture] = {}
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
                rest = [delta for block in [*self._calls, *self._pictures] for delta in self._stop(block)]
                return [*rest, ChoiceEnd(0, ending_by(ENDINGS, read.said.get("stopReason")))]
        return []

    def _begin(self, block: int | None, start: Any) -> list[Delta]:
        match start:
            case {"toolUse": {"toolUseId": str(call_id), "name": str(name)} as call} if is_callers(call):
                before = self._stop(block)  # the number was a call's already
                self._calls[block] = _Call(self._begun)
                self._begun += 1
                return [*before, CallDelta(0, self._begun - 1, call_id, name)]
            case {"image": dict(image)}:
                before = self._stop(block)
                self._pictures[block] = _Picture(image.get("format"))
                return before
            case {"audio": dict()} | {"video": dict()}:
                return [part_delta(0, left_out(A_SOUND))]
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
            case {"image": {"source": {"bytes": str(piece)}}} if block in self._pictures:
                try:
                    self._pictures[block].take(piece)
                except ValueError:  # no base64: there is no picture
                    del self._pictures[block]
                    return [part_delta(0, left_out(A_PICTURE))]
        return []

    def _stop(self, block: int | None) -> list[Delta]:
        """A call without a piece has no arguments: elsewhere that is `{}` at least."""
        if (shown := self._pictures.pop(block, None)) is not None:
            return [part_delta(0, shown.whole())]
        call = self._calls.pop(block, None)
        return [] if call is None or call.is_said else [CallDelta(0, call.number, arguments="{}")]
