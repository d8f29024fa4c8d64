"""Chunks -> one answer, for a caller who asked for no stream where the gateway asked for one. Pure.

The gateway streams on such a caller's behalf where money is scarce: a stream can be held, extended and ended
in slices, a whole answer cannot. What the caller gets must be what the vendor would have said at once: texts
are joined, tool calls and lists are joined by their index, any other field of a delta is kept, the last value
winning.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import orjson

from metering.usage import Usage
from providers.json_depth import written_if_shallow
from providers.openai.progress import StreamState
from providers.openai.usage import usage_to_openai
from providers.quirks import NO_QUIRKS, Quirks
from providers.sse import event_object, is_done

# Fields of a chunk the answer does not take over as they are; all others it does, as last seen.
_CHUNK_ONLY: Final = frozenset(
    {"object", "choices", "usage", "model", "id", "created", "obfuscation", "error"}
)


class Assembler(StreamState):
    """The same events as `StreamFold` reads; `answer()` at the end."""

    __slots__ = ("_choices", "_extra")
    object_name: ClassVar[str] = "chat.completion"
    own_id: ClassVar[str] = "chatcmpl-assembled"
    text_fields: ClassVar[frozenset[str]] = frozenset({"index", "delta", "message"})  # of a choice

    def __init__(self, product_id: str, quirks: Quirks = NO_QUIRKS) -> None:
        super().__init__(product_id, quirks)
        self._choices: dict[int, dict[str, Any]] = {}
        self._extra: dict[str, Any] = {}

    def feed(self, event: bytes) -> None:
        chunk = event_object(event)
        if chunk is None:
            self.done = self.done or is_done(event)
            return
        self.observe(chunk)
        if written_if_shallow(chunk) is None:
            return  # metered, and left out: the answer could not be written with it
        for name, value in chunk.items():
            if name not in _CHUNK_ONLY and value is not None:
                self._extra[name] = value
        choices = chunk.get("choices")
        if type(choices) is list:
            for position, choice in enumerate(choices):
                if type(choice) is dict:
                    self._take_choice(position, choice)

    def answer(self, usage: Usage | None = None) -> bytes:
        """The answer as the vendor would have given it whole. `usage` is used where the vendor said none."""
        out: dict[str, Any] = {
            "id": self.upstream_id or self.own_id,
            "object": self.object_name,
            "created": self.created,
            "model": self.product_id,
            "choices": [self._choices[index] for index in sorted(self._choices)],
            **self._extra,
        }
        if self.raw_usage is not None and written_if_shallow(self.raw_usage) is not None:
            out["usage"] = self.raw_usage
        elif (known := usage if self.usage is None else self.usage) is not None:
            out["usage"] = usage_to_openai(known)
        return orjson.dumps(out)

    def graceful_end(self, usage: Usage | None) -> bytes:
        """The answer where the gateway ended the stream: choices still open end by length."""
        if not self._choices:
            self._choices[0] = self.new_choice(0)
        for choice in self._choices.values():
            if choice["finish_reason"] is None:
                choice["finish_reason"] = "length"
        return self.answer(usage)

    def _take_choice(self, position: int, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        index = index if type(index) is int else position
        whole = self._choices.get(index)
        if whole is None:
            whole = self._choices[index] = self.new_choice(index)
        self.take_text(whole, choice)
        for name, value in choice.items():
            if name in self.text_fields or value is None:
                continue
            if name == "logprobs" and type(value) is dict:
                if type(whole["logprobs"]) is not dict:
                    whole["logprobs"] = {}
                _merge(whole["logprobs"], value)
            else:
                whole[name] = value

    def take_text(self, whole: dict[str, Any], choice: dict[str, Any]) -> None:
        delta = choice.get("delta")
        if type(delta) is dict:
            _merge(whole["message"], delta)

    def new_choice(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "message": {"role": "assistant", "content": None},
            "logprobs": None,
            "finish_reason": None,
        }


# Texts that are said once and not continued: joining them would double them.
_SAID_ONCE: Final = frozenset({"role", "id", "type", "format", "channel", "name"})


def _merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """Join one delta to what is there: texts are continued, objects merged, lists joined by `index`."""
    for name, value in delta.items():
        known = into.get(name)
        if value is None:
            continue
        if known is None:
            into[name] = _copied(value)
        elif type(value) is str and type(known) is str:
            if name not in _SAID_ONCE:
                into[name] = known + value
            elif value:
                into[name] = value
        elif type(value) is dict and type(known) is dict:
            _merge(known, value)
        elif type(value) is list and type(known) is list:
            _merge_lists(known, value)
        elif name == "content" and {type(value), type(known)} == {str, list}:
            into[name] = _parts(known) + _parts(value)
        else:
            into[name] = value


def _parts(content: str | list[Any]) -> list[Any]:
    """Some vendors change between a text and a list of parts within one answer."""
    if type(content) is str:
        return [{"type": "text", "text": content}] if content else []
    return list(content)


def _merge_lists(into: list[Any], items: list[Any]) -> None:
    for item in items:
        index = item.get("index") if type(item) is dict else None
        same = _with_index(into, index) if type(index) is int else None
        if same is None:
            into.append(_copied(item))
        else:
            _merge(same, item)


def _with_index(items: list[Any], index: int) -> dict[str, Any] | None:
    for item in items:
        if type(item) is dict and item.get("index") == index:
            return item
    return None


def _copied(value: Any) -> Any:
    """A list or object of our own to merge into; tool calls of one first chunk may repeat an index."""
    if type(value) is dict:
        fresh: dict[str, Any] = {}
        _merge(fresh, value)
        return fresh
    if type(value) is list:
        joined: list[Any] = []
        _merge_lists(joined, value)
        return joined
    return value
