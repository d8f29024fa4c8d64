"""Chunks -> one answer, for a caller who asked for no stream where the gateway asked for one. Pure.

The gateway streams on such a caller's behalf where money is scarce. What the caller gets must be what the
vendor would have said at once: the texts of a candidate are joined as far as nothing stands between them,
thoughts apart from what is said aloud; any other part is kept as it came. A part with a signature stays by
itself, since the vendor wants it back as it was. Of everything else the last value wins.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.usage import Usage
from providers.facts import CHOICES_MAX
from providers.gemini.progress import StreamState, candidates_of, is_finish, parts_of
from providers.gemini.stream import data_of
from providers.gemini.usage import usage_to_gemini

# Fields of a chunk the answer does not take over as they are; all others it does, as last seen.
_CHUNK_ONLY: Final = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "error"})
# Said piece by piece: lists in them are continued.
_CONTINUED: Final = frozenset({"logprobsResult", "citationMetadata"})
_TEXT_ONLY: Final = frozenset({"text", "thought"})


class Assembler(StreamState):
    """The same events as `StreamFold` reads; `answer()` at the end."""

    __slots__ = ("_candidates", "_extra")

    def __init__(self, product_id: str) -> None:
        super().__init__(product_id)
        self._candidates: dict[int, _Candidate] = {}
        self._extra: dict[str, Any] = {}

    def feed(self, event: bytes) -> None:
        try:
            chunk = orjson.loads(data_of(event))
            orjson.dumps(chunk)  # what is nested too deeply to be written is not taken
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return
        if type(chunk) is not dict:
            return
        self.observe(chunk)
        for name, value in chunk.items():
            if name not in _CHUNK_ONLY and value is not None:
                self._extra[name] = value
        for index, candidate in candidates_of(chunk):
            if index not in self._candidates and len(self._candidates) == CHOICES_MAX:
                continue
            self._candidates.setdefault(index, _Candidate()).take(candidate)

    def answer(self, usage: Usage | None = None) -> bytes:
        """The answer as the vendor would have given it whole. `usage` is used where the vendor said none."""
        reported = self.raw_usage
        if reported is None and usage is not None:
            reported = usage_to_gemini(usage)
        return self._written(reported)

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The answer where the gateway ended the stream: candidates still open end by length."""
        if not self._candidates:
            self._candidates[0] = _Candidate()
        for candidate in self._candidates.values():
            if not is_finish(candidate.fields.get("finishReason")):
                candidate.fields["finishReason"] = "MAX_TOKENS"
        return self._written(self.raw_usage if usage is None else usage_to_gemini(usage))

    def _written(self, usage: dict[str, Any] | None) -> bytes:
        out: dict[str, Any] = dict(self._extra)
        if self._candidates:
            out["candidates"] = [self._candidates[index].whole(index) for index in sorted(self._candidates)]
        if usage is not None:
            out["usageMetadata"] = usage
        out["modelVersion"] = self.product_id
        if self.upstream_id is not None:
            out["responseId"] = self.upstream_id
        return orjson.dumps(out)


class _Candidate:
    """One candidate as it grows."""

    __slots__ = ("content", "fields", "parts", "texts")

    def __init__(self) -> None:
        self.content: dict[str, Any] = {"role": "model"}
        self.fields: dict[str, Any] = {}
        self.parts: list[dict[str, Any]] = []
        self.texts: list[str] = []  # of the last part, while it grows

    def take(self, candidate: dict[str, Any]) -> None:
        content = candidate.get("content")
        if type(content) is dict:
            self.content.update({name: value for name, value in content.items() if name != "parts"})
        for part in parts_of(candidate):
            self._take_part(part)
        for name, value in candidate.items():
            if name in ("content", "index") or value is None:
                continue
            known = self.fields.get(name)
            if name in _CONTINUED and type(value) is dict and type(known) is dict:
                _continue_lists(known, value)
            else:
                self.fields[name] = value

    def whole(self, index: int) -> dict[str, Any]:
        self._close_text()
        return {"content": {"parts": self.parts, **self.content}, **self.fields, "index": index}

    def _take_part(self, part: dict[str, Any]) -> None:
        is_text = type(part.get("text")) is str and part.keys() <= _TEXT_ONLY
        if is_text and self.texts and _is_thought(self.parts[-1]) == _is_thought(part):
            self.texts.append(part["text"])
            return
        self._close_text()
        self.parts.append(dict(part))
        if is_text:
            self.texts = [part["text"]]

    def _close_text(self) -> None:
        if self.texts:
            self.parts[-1]["text"] = "".join(self.texts)
            self.texts = []


def _is_thought(part: dict[str, Any]) -> bool:
    return part.get("thought") is True


def _continue_lists(into: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        known = into.get(name)
        if type(value) is list and type(known) is list:
            known.extend(value)
        elif value is not None:
            into[name] = value
