"""What has been seen of one Gemini answer so far: usage, ends, errors, and how much was said. Pure.

`usage` is the vendor's count once it has said why the answer ended. Before that its counts are of what there
is so far: they are reckoned with (`delivered_tokens`), thoughts included, but they are no bill.
"""

from __future__ import annotations

from typing import Any, Final

from metering.usage import Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.facts import CHOICES_MAX
from providers.gemini.errors import error_of
from providers.gemini.searches import Searches
from providers.gemini.usage import find_usage, merged, usage_of
from providers.json_depth import written_if_shallow
from providers.progress import StreamProgress

# Estimates only: a picture of Google's models is 1,290 tokens, a token of speech 2,560 bytes of base64.
_PICTURE_TEXT_BYTES: Final = 1_290 * ESTIMATE_BYTES_PER_TOKEN
_MEDIA_BYTES_PER_TEXT_BYTE: Final = 2_560 // ESTIMATE_BYTES_PER_TOKEN
_NOT_ENDED: Final = (None, "", 0, "FINISH_REASON_UNSPECIFIED")


class StreamState(StreamProgress):
    """One per stream, fed with parsed chunks. It is never `done`: nothing but the end of the body says so."""

    __slots__ = (
        "_counted_tokens",
        "_searches",
        "created",
        "ended",
        "model",
        "product_id",
        "raw_usage",
        "seen",
    )

    def __init__(self, product_id: str) -> None:
        super().__init__()
        self.product_id = product_id
        self.raw_usage: dict[str, Any] | None = None
        self.created: str | None = None
        self.model = ""  # the vendor's name of it
        self.seen: set[int] = set()  # candidates, by their index
        self.ended: set[int] = set()
        self._searches = Searches()
        self._counted_tokens = 0

    @property
    def searches(self) -> int:
        """How many the vendor bills."""
        return self._searches.billed(self.model)

    @property
    def has_ended(self) -> bool:
        """No candidate that began is open."""
        return self.finished and self.seen <= self.ended

    def delivered_tokens(self) -> int:
        """Output tokens so far: the vendor's count on the way, or an estimate where that is more."""
        return max(super().delivered_tokens(), self._counted_tokens)

    def told_input(self) -> Usage | None:
        usage = None if self.raw_usage is None else usage_of(self.raw_usage, self.searches)
        return usage.input_alone() if usage is not None and usage.input_total else None

    def observe(self, chunk: dict[str, Any]) -> None:
        """Take in one parsed chunk."""
        if self.upstream_id is None and type(chunk.get("responseId")) is str and chunk["responseId"]:
            self.upstream_id = chunk["responseId"]
        if self.created is None and type(chunk.get("createTime")) is str:
            self.created = chunk["createTime"]
        if type(chunk.get("modelVersion")) is str:
            self.model = chunk["modelVersion"]
        if (error := error_of(chunk)) is not None:
            self.error = error
        feedback = chunk.get("promptFeedback")
        if type(feedback) is dict and feedback.get("blockReason"):
            self.finished = True
        for index, candidate in candidates_of(chunk):
            self._observe_candidate(index, candidate)
        if (raw := find_usage(chunk)) is not None:
            self.raw_usage = merged(self.raw_usage or {}, raw)
            if not self.has_ended:
                self._counted_tokens = max(self._counted_tokens, usage_of(raw).output_total)
        if self.finished and self.raw_usage is not None:
            self.usage = usage_of(self.raw_usage, self.searches)

    def _observe_candidate(self, index: int, candidate: dict[str, Any]) -> None:
        if len(self.seen) < CHOICES_MAX:
            self.seen.add(index)
        if is_finish(candidate.get("finishReason")):
            self.finished = True
            if index in self.seen:
                self.ended.add(index)
        self._searches.observe(candidate)
        length = 0
        for part in parts_of(candidate):
            self._searches.observe_part(part)
            length += said_bytes(part)
        self.add_text(length)


def is_finish(reason: Any) -> bool:
    """A name, or the enum's number where a vendor writes numbers."""
    return type(reason) in (str, int) and reason not in _NOT_ENDED


def candidates_of(chunk: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """With their indices; one that is absent is zero, or else the place in the list."""
    candidates = chunk.get("candidates")
    if type(candidates) is not list:
        return []
    found = []
    for position, candidate in enumerate(candidates):
        if type(candidate) is dict:
            index = candidate.get("index")
            found.append((index if type(index) is int else position, candidate))
    return found


def parts_of(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    content = candidate.get("content")
    parts = content.get("parts") if type(content) is dict else None
    return [part for part in parts if type(part) is dict] if type(parts) is list else []


def said_bytes(part: dict[str, Any]) -> int:
    """Bytes of generated text in one part; thoughts are generated too, results of tools are not."""
    length = 0
    text = part.get("text")
    if type(text) is str:
        length += len(text) if text.isascii() else len(text.encode(errors="replace"))
    for name in ("functionCall", "executableCode"):
        if type(part.get(name)) is dict:
            length += len(written_if_shallow(part[name]) or b"?")
    media = part.get("inlineData")
    if type(media) is dict:
        if str(media.get("mimeType")).startswith("image/"):
            length += _PICTURE_TEXT_BYTES
        elif type(media.get("data")) is str:
            length += max(1, len(media["data"]) // _MEDIA_BYTES_PER_TEXT_BYTE)
    return length
