"""What a response puts out: each item with the events that begin it, continue it and end it. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from providers.openai_responses.snapshot import Event


class Item:
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


class Worded(Item):
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


class MessageItem(Worded):
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


class ThoughtItem(Worded):
    prefix = "rs"
    text_event = "response.reasoning_text"

    def part(self, text: str) -> dict[str, Any]:
        return {"type": "reasoning_text", "text": text}

    def item(self) -> dict[str, Any]:
        parts = [] if self.is_open else [self.part(self.text)]
        said = {"id": self.item_id, "type": "reasoning", "status": self.status, "summary": []}
        return {**said, self._list: parts}

    _list = "content"


class SummaryItem(ThoughtItem):
    part_event = "response.reasoning_summary_part"
    text_event = "response.reasoning_summary_text"
    index_name = "summary_index"
    _list = "summary"

    def part(self, text: str) -> dict[str, Any]:
        return {"type": "summary_text", "text": text}


class CallItem(Item):
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


class PictureItem(Item):
    """As one that the API's own tool has drawn: it comes whole."""

    prefix = "ig"

    def item(self) -> dict[str, Any]:
        return {
            "id": self.item_id,
            "type": "image_generation_call",
            "status": self.status,
            "result": None if self.is_open else self.text,
        }
