"""One OpenAI stream on its way through: what the vendor sends -> what the client gets, and what it cost.

Pure, and on the hot path: a stream is thousands of events, of which the first, the last and few others say
anything the meter needs. So an ordinary event is looked at with byte searches only and leaves with its
model name replaced; whatever can carry usage, a finish reason, an error or another choice is parsed. The
searches may send an ordinary event to the parser (slow, never wrong), not the other way round: a key cannot
appear in a JSON text as `"key"`, since quotes inside texts are escaped. And most events differ from the one
before in their text alone: what stands around it is kept as a template (providers/openai/template.py).

`text_bytes` is the generated text; on the fast path as it stands in the JSON, where an escaped quote counts
as two, and of an event with several kinds of text one.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import orjson

from metering.usage import Usage
from providers.dialect import Refusal
from providers.json_depth import written_if_shallow
from providers.openai.errors import error_frame, error_of
from providers.openai.patterns import Patterns, text_length
from providers.openai.progress import StreamState
from providers.openai.template import Template
from providers.openai.usage import usage_to_openai
from providers.quirks import NO_QUIRKS, Quirks
from providers.sse import COMMENT_FRAME, comment_frame, event_data, frame

DONE_FRAME: Final = b"data: [DONE]\n\n"

# Where nearly every event needs a new template, learning them is given up.
_TEMPLATES_FREE: Final = 32
_MODEL: Final = re.compile(rb'"model"(\s*:\s*)"((?:[^"\\]|\\.)*)"')
_TEXT_KEYS: Final = ("content", "reasoning_content", "reasoning", "refusal", "arguments")
_COMPACT: Final = Patterns(b":", _TEXT_KEYS)
_SPACED: Final = Patterns(b": ", _TEXT_KEYS)


class StreamFold(StreamState):
    """Vendor events in, client frames out. One per stream; not for two streams at once.

    `[DONE]` is withheld (`done` is set): the caller sends it after settlement. A vendor's error event is
    withheld too (`error` is set): the caller says it in the contract's words with `error_frame`.
    """

    __slots__ = (
        "_in",
        "_out",
        "_patterns",
        "_template",
        "_templates",
        "_text_key",
        "_usage_sent",
        "include_usage",
    )
    compact: ClassVar[Patterns] = _COMPACT
    spaced: ClassVar[Patterns] = _SPACED
    object_name: ClassVar[str] = "chat.completion.chunk"
    own_id: ClassVar[str] = "chatcmpl-ended"

    def __init__(self, product_id: str, include_usage: bool, quirks: Quirks = NO_QUIRKS) -> None:
        super().__init__(product_id, quirks)
        self.include_usage = include_usage
        self._in: bytes | None = None  # the vendor's `"model":"name"`, as its events spell it
        self._out = b""
        self._patterns = self.compact
        self._text_key = self.compact.text[0]
        self._usage_sent = False
        self._template = Template()  # of the last ordinary event
        self._templates = 0  # how many there were

    def feed(self, event: bytes) -> bytes:
        """One whole event -> the bytes for the client; b"" where it gets none."""
        if text := self._template.text_of(event):
            self.deltas += 1
            self.text_bytes += len(text)
            return self._template.out(event)
        if event.find(b"\n") != len(event) - 2 or not event.startswith(b"data: ") or event.find(b"\r") >= 0:
            data = event_data(event)
            if data is None:
                return COMMENT_FRAME if event.startswith(b":") else b""
            event = frame(data.replace(b"\n", b" "))  # a line end inside JSON is white space
        if self._in is not None:
            replaced = event.replace(self._in, self._out, 1)
            if replaced is not event and self._is_ordinary(event):
                if self._count_text(event) and self._templates * 2 <= self.deltas + _TEMPLATES_FREE:
                    self._learn_template(event)
                return replaced
        return self._feed_parsed(event)

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The client's own terminal frames where the gateway ends the stream, without `[DONE]`."""
        frames = [
            self._own_frame([self.ended_choice(index)])
            for index in sorted((self.seen_choices or {0}) - self.finished_choices)
        ]
        if self.include_usage and usage is not None:
            frames.append(self._own_frame([], usage_to_openai(usage)))
        return b"".join(frames)

    def ended_choice(self, index: int) -> dict[str, Any]:
        return {"index": index, "delta": {}, "logprobs": None, "finish_reason": "length"}

    def owed_frames(self) -> bytes:
        """A usage frame, if the client asked for one and the vendor reported where SDKs do not look."""
        if not self.include_usage or self._usage_sent or self.usage is None:
            return b""
        return self._own_frame([], usage_to_openai(self.usage))

    def terminal(self) -> bytes:
        return DONE_FRAME

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        """The dialect's in-stream error: official SDKs raise on it."""
        return error_frame(refusal)

    def _is_ordinary(self, event: bytes) -> bool:
        """True only where parsing could tell nothing: no usage, finish, error, tool's name; first choice."""
        patterns = self._patterns
        if b'"usage"' in event and (patterns.usage_null not in event or patterns.usage_object in event):
            return False
        if b'"finish_reason"' in event and (
            patterns.finish_null not in event or patterns.finish_text in event
        ):
            return False
        if b'"error"' in event or b"\\u" in event:
            return False  # \uXXXX is six bytes of JSON, but two or three of text: Korean would count double
        if patterns.parts in event:
            return False  # several texts
        return patterns.first_index in event and patterns.name not in event

    def _count_text(self, event: bytes) -> bool:
        """Is there text? Then `_text_key` is the name it came under."""
        length = text_length(event, self._text_key)
        if not length:
            for key in self._patterns.text:
                if key is not self._text_key and (length := text_length(event, key)):
                    self._text_key = key
                    break
            else:
                if b'"audio"' in event:
                    self.deltas += 1
                return False
        self.deltas += 1
        self.text_bytes += length
        return True

    def _learn_template(self, event: bytes) -> None:
        """The next event is most likely this one with another text."""
        start = event.index(self._text_key) + len(self._text_key)
        end = start + text_length(event, self._text_key)
        assert self._in is not None, "an ordinary event comes after the model was learnt"
        out_prefix = event[:start].replace(self._in, self._out, 1)
        model_is_ahead = out_prefix != event[:start] or self._in == self._out
        if model_is_ahead and self._template.learn(event[:start], event[end:], out_prefix):
            self._templates += 1

    def _feed_parsed(self, event: bytes) -> bytes:
        data = event[6:-2]
        if data.strip() == b"[DONE]":
            self.done = True
            return b""
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            return b""  # cut in the middle, or no JSON: no SDK could read it either
        if type(chunk) is not dict:
            if (error := error_of(chunk)) is not None:
                self.error = error
            return b""
        before = self.error
        self.observe(chunk)
        if self.error is not before:
            return b""
        if type(chunk.get("usage")) is dict:
            if not chunk.get("choices") and not self.include_usage:
                return b""
            self._usage_sent = True
        return self._with_product(event, chunk)

    def _with_product(self, event: bytes, chunk: dict[str, Any]) -> bytes:
        """Replace the model in one event, and learn how this vendor spells it."""
        if "model" not in chunk:
            return event
        found = _MODEL.search(event)
        if found is None or orjson.loads(b'"' + found[2] + b'"') != chunk["model"]:
            chunk["model"] = self.product_id
            return event if (written := written_if_shallow(chunk)) is None else frame(written)
        self._in = found[0]
        self._out = b'"model"' + found[1] + orjson.dumps(self.product_id)
        self._patterns = self.compact if found[1] == b":" else self.spaced
        return event.replace(self._in, self._out, 1)

    def _own_frame(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        chunk: dict[str, Any] = {
            "id": self.upstream_id or self.own_id,
            "object": self.object_name,
            "created": self.created,
            "model": self.product_id,
            "choices": choices,
        }
        if usage is not None:
            chunk["usage"] = usage
        elif self.include_usage:
            chunk["usage"] = None
        return frame(orjson.dumps(chunk))
