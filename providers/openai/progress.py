"""What has been seen of one OpenAI stream so far: usage, ends, errors, and how much was said. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.json_depth import text_bytes
from providers.openai.errors import error_of
from providers.openai.usage import find_usage, usage_of
from providers.progress import StreamProgress
from providers.quirks import NO_QUIRKS, Quirks
from providers.service_tiers import with_tier

_PARTS_DEPTH: Final = 2  # thoughts are parts of a part


class StreamState(StreamProgress):
    """One per stream, fed with parsed chunks."""

    __slots__ = (
        "created",
        "finished_choices",
        "product_id",
        "quirks",
        "raw_usage",
        "seen_choices",
    )

    def __init__(self, product_id: str, quirks: Quirks = NO_QUIRKS) -> None:
        super().__init__()
        self.product_id = product_id
        self.quirks = quirks
        self.raw_usage: dict[str, Any] | None = None
        self.created = 0
        self.seen_choices: set[int] = set()
        self.finished_choices: set[int] = set()

    def observe(self, chunk: dict[str, Any]) -> None:
        """Take in one parsed chunk."""
        if self.upstream_id is None and isinstance(chunk.get("id"), str) and chunk["id"]:
            self.upstream_id = chunk["id"]
        if not self.created and type(chunk.get("created")) is int:
            self.created = chunk["created"]
        if (raw := find_usage(chunk)) is not None and (usage := usage_of(raw, self.quirks)) is not None:
            self.usage, self.raw_usage = with_tier(usage, chunk.get("service_tier")), raw
        if (error := error_of(chunk)) is not None:
            self.error = error
        choices = chunk.get("choices")
        if type(choices) is not list:
            return
        for position, choice in enumerate(choices):
            if type(choice) is not dict:
                continue
            index = choice.get("index")
            index = index if type(index) is int else position
            self.seen_choices.add(index)
            if choice.get("finish_reason"):
                self.finished = True
                self.finished_choices.add(index)
            self.add_text(self.said_bytes(choice))

    def said_bytes(self, choice: dict[str, Any]) -> int:
        """Of the text that one choice of one chunk brings."""
        delta = choice.get("delta")
        return _delta_bytes(delta) if type(delta) is dict else 0


def content_bytes(content: Any, depth: int = _PARTS_DEPTH) -> int:
    """Of text; of some vendors' parts of text, the texts in them."""
    if type(content) is not list:
        return text_bytes(content)
    length = 0
    for part in content if depth else ():
        said = part.get("text") or part.get("thinking") if type(part) is dict else part
        length += content_bytes(said, depth - 1) if type(said) in (str, list) else 0
    return length


def _delta_bytes(delta: dict[str, Any]) -> int:
    """Bytes of text one delta brings. Reasoning that comes under two names is counted once."""
    length = 0
    for name in ("content", "refusal"):
        length += content_bytes(delta.get(name))
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    if type(reasoning) is str:
        length += len(reasoning.encode(errors="replace"))
    calls = delta.get("tool_calls")
    calls = calls if type(calls) is list else []
    if type(delta.get("function_call")) is dict:
        calls = [*calls, {"function": delta["function_call"]}]
    for call in calls:
        function = call.get("function") if type(call) is dict else None
        if type(function) is dict:
            length += text_bytes(function.get("name")) + text_bytes(function.get("arguments"))
    if type(audio := delta.get("audio")) is dict:
        length += text_bytes(audio.get("transcript")) or 1
    return length
