"""Streams of the old text completions: as those of a chat, but for where the text stands. Pure."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from providers.openai.assemble import Assembler
from providers.openai.patterns import Patterns
from providers.openai.stream import StreamFold

_COMPACT: Final = Patterns(b":", ("text",))
_SPACED: Final = Patterns(b": ", ("text",))


class _TextChoices:
    __slots__ = ()

    def said_bytes(self, choice: dict[str, Any]) -> int:
        text = choice.get("text")
        return len(text.encode(errors="replace")) if type(text) is str else 0


class CompletionFold(_TextChoices, StreamFold):
    __slots__ = ()
    compact: ClassVar[Patterns] = _COMPACT
    spaced: ClassVar[Patterns] = _SPACED
    object_name: ClassVar[str] = "text_completion"
    own_id: ClassVar[str] = "cmpl-ended"

    def ended_choice(self, index: int) -> dict[str, Any]:
        return {"index": index, "text": "", "logprobs": None, "finish_reason": "length"}

    def _is_ordinary(self, event: bytes) -> bool:
        """Log probabilities have tokens as keys: any key may occur."""
        return b'"top_logprobs"' not in event and super()._is_ordinary(event)


class CompletionAssembler(_TextChoices, Assembler):
    __slots__ = ()
    object_name: ClassVar[str] = "text_completion"
    own_id: ClassVar[str] = "cmpl-assembled"
    text_fields: ClassVar[frozenset[str]] = frozenset({"index", "text"})

    def take_text(self, whole: dict[str, Any], choice: dict[str, Any]) -> None:
        if type(text := choice.get("text")) is str:
            whole["text"] += text

    def new_choice(self, index: int) -> dict[str, Any]:
        return {"index": index, "text": "", "logprobs": None, "finish_reason": None}
