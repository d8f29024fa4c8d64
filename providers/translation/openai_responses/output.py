"""The items of one response while they are said: Delta by Delta in, events out. Pure.

A text and a thought are over when another thing is said; calls are over with the answer, since their pieces
may come in turns.
"""

from __future__ import annotations

import math
from typing import Any, Final

import orjson

from providers.openai_responses.snapshot import KEPT_BYTES_MAX, Event
from providers.translation.neutral import CallDelta, ChoiceEnd, Delta, Ending, TextDelta

_PIECE_BYTES: Final = 32  # what a piece takes beside its text, roughly
WHOLE: Final = ("stop", "tool_calls")


class _Item:
    """One that has begun. `prefix` is of its id."""

    prefix = ""

    def __init__(self, stem: str, index: int) -> None:
        self.item_id = f"{self.prefix}_{stem}_{index}"
        self.index = index
        self.pieces: list[str] = []
        self.is_open = True
        self.lacks_some = False  # of what was said: more than is kept of a stream
        self.status = "in_progress"

    @property
    def is_whole(self) -> bool:
        """As far as its text shows."""
        return not self.lacks_some

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def at(self) -> dict[str, Any]:
        return {"item_id": self.item_id, "output_index": self.index}

    def item(self) -> dict[str, Any]:
        raise NotImplementedError

    def begin(self) -> list[Event]:
        return [("response.output_item.added", {"output_index": self.index, "item": self.item()})]

    def end(self, *, is_cut: bool) -> list[Event]:
        self.is_open = False
        self.status = "incomplete" if is_cut else "completed"
        return [("response.output_item.done", {"output_index": self.index, "item": self.item()})]


class _Worded(_Item):
    """With one part of text, at index 0."""

    part_event = "response.content_part"
    text_event = ""
    index_name = "content_index"
    has_logprobs = False

    def part(self, text: str) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def at_part(self) -> dict[str, Any]:
        return {**self.at, self.index_name: 0}

    @property
    def _logprobs(self) -> dict[str, Any]:
        return {"logprobs": []} if self.has_logprobs else {}

    def begin(self) -> list[Event]:
        return [*super().begin(), (f"{self.part_event}.added", {**self.at_part, "part": self.part("")})]

    def say(self, text: str) -> list[Event]:
        return [(f"{self.text_event}.delta", {**self.at_part, "delta": text, **self._logprobs})]

    def end(self, *, is_cut: bool) -> list[Event]:
        text = self.text
        return [
            (f"{self.text_event}.done", {**self.at_part, "text": text, **self._logprobs}),
            (f"{self.part_event}.done", {**self.at_part, "part": self.part(text)}),
            *super().end(is_cut=is_cut),
        ]


class _Message(_Worded):
    prefix = "msg"
    text_event = "response.output_text"
    has_logprobs = True

    def part(self, text: str) -> dict[str, Any]:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def item(self) -> dict[str, Any]:
        content = [] if self.is_open else [self.part(self.text)]
        return {
            "id": self.item_id,
            "type": "message",
            "status": self.status,
            "role": "assistant",
            "content": content,
        }


class _Thought(_Worded):
    prefix = "rs"
    text_event = "response.reasoning_text"

    def part(self, text: str) -> dict[str, Any]:
        return {"type": "reasoning_text", "text": text}

    def item(self) -> dict[str, Any]:
        parts = [] if self.is_open else [self.part(self.text)]
        said = {"id": self.item_id, "type": "reasoning", "status": self.status, "summary": []}
        return {**said, self._list: parts}

    _list = "content"


class _Summary(_Thought):
    part_event = "response.reasoning_summary_part"
    text_event = "response.reasoning_summary_text"
    index_name = "summary_index"
    _list = "summary"

    def part(self, text: str) -> dict[str, Any]:
        return {"type": "summary_text", "text": text}


class _Call(_Item):
    prefix = "fc"

    def __init__(self, stem: str, index: int) -> None:
        super().__init__(stem, index)
        self.call_id = ""
        self.name = ""
        self.is_told = False

    def item(self) -> dict[str, Any]:
        return {
            "id": self.item_id,
            "type": "function_call",
            "status": self.status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": "" if self.is_open else self.text,
        }

    def begin(self) -> list[Event]:
        """And what came before its name."""
        self.is_told = True
        return [*super().begin(), *self.say(self.text)]

    @property
    def is_whole(self) -> bool:
        """Pieces of several calls may come in turns, so that not only the last one was cut."""
        try:
            orjson.loads(self.text or "{}")
        except orjson.JSONDecodeError:
            return False
        return super().is_whole

    def say(self, text: str) -> list[Event]:
        if not text:
            return []
        return [("response.function_call_arguments.delta", {**self.at, "delta": text})]

    def end(self, *, is_cut: bool) -> list[Event]:
        """Arguments that were cut are not said to be ready."""
        events = [] if self.is_told else self.begin()
        if not is_cut:
            if not self.text:
                self.pieces.append("{}")
                events += self.say("{}")
            done = {**self.at, "name": self.name, "arguments": self.text}
            events.append(("response.function_call_arguments.done", done))
        return events + super().end(is_cut=is_cut)


class Output:
    """One per response. There is one choice, as its callers ask for no more.

    Of a stream so much is kept as of a vendor's own response; of an answer that is whole already, all.
    """

    def __init__(self, stem: str, *, as_summary: bool, is_stream: bool = True) -> None:
        self.ending: Ending | None = None
        self._stem = stem
        self._thought: type[_Thought] = _Summary if as_summary else _Thought
        self._items: list[_Item] = []
        self._calls: dict[int, _Call] = {}
        self._choice: int | None = None
        self._left_bytes: float = KEPT_BYTES_MAX if is_stream else math.inf

    def take(self, delta: Delta) -> list[Event]:
        if self._choice is None:
            self._choice = delta.choice
        if delta.choice != self._choice:
            return []
        if isinstance(delta, ChoiceEnd):
            self.ending = self.ending or delta.ending
            return self.end(self.ending)
        if isinstance(delta, CallDelta):
            return self._take_call(delta)
        if not delta.text:
            return []  # nothing but a seal
        kind = _Message if isinstance(delta, TextDelta) else self._thought
        last = self._items[-1] if self._items else None
        events: list[Event] = []
        if type(last) is not kind or not last.is_open:
            events = self._end_words()
            last = kind(self._stem, len(self._items))
            self._items.append(last)
            events += last.begin()
        assert isinstance(last, _Worded), "a text or a thought"
        self._keep(last, delta.text)
        return events + last.say(delta.text)

    def end(self, ending: Ending) -> list[Event]:
        """Of all that is open. What was said last is what was cut, and arguments that are no JSON yet."""
        events = []
        for item in self._items:
            if item.is_open:
                is_cut = ending not in WHOLE and (item is self._items[-1] or not item.is_whole)
                events += item.end(is_cut=is_cut or item.lacks_some)
        return events

    def items(self) -> list[dict[str, Any]]:
        return [item.item() for item in self._items]

    def _take_call(self, delta: CallDelta) -> list[Event]:
        call = self._calls.get(delta.call)
        events: list[Event] = []
        if call is None:
            events = self._end_words()
            call = self._calls[delta.call] = _Call(self._stem, len(self._items))
            self._items.append(call)
        if not call.is_told:
            call.name = call.name or delta.name or ""
            call.call_id = call.call_id or delta.call_id or ""
        if not call.is_open:
            return events
        self._keep(call, delta.arguments)
        if call.is_told:
            return events + call.say(delta.arguments)
        if call.name:
            call.call_id = call.call_id or f"call_{self._stem}_{call.index}"
            events += call.begin()
        return events

    def _end_words(self) -> list[Event]:
        last = self._items[-1] if self._items else None
        if not isinstance(last, _Worded) or not last.is_open:
            return []
        return last.end(is_cut=last.lacks_some)

    def _keep(self, item: _Item, text: str) -> None:
        """What is beyond is missing at the end, and the item says that it is not whole."""
        self._left_bytes -= len(text) + _PIECE_BYTES
        if self._left_bytes >= 0:
            item.pieces.append(text)
        else:
            item.lacks_some = True
