"""The output of a streamed response so far, put together from its events. Pure.

It is needed only where the vendor does not say the whole itself at the end: the balance ended first, and
what was said must be said to be over (`closing_events`) and shown once more (`output`), as SDKs have it in
their own snapshot. Items and parts are kept by their index, texts as the pieces in which they came. No stream
is kept beyond `KEPT_BYTES_MAX`: what comes later is missing then from what the gateway itself says.
"""

from __future__ import annotations

from typing import Any, Final

KEPT_BYTES_MAX: Final = 8 << 20
_PIECE_BYTES: Final = 32  # what a piece takes beside its text, roughly

# The text that an event continues or ends: (list of parts, or the item itself; name of the text in it).
TEXTS: Final = {
    "response.output_text": ("content", "text"),
    "response.refusal": ("content", "refusal"),
    "response.reasoning_text": ("content", "text"),
    "response.reasoning_summary_text": ("summary", "text"),
    "response.function_call_arguments": ("", "arguments"),
    "response.custom_tool_call_input": ("", "input"),
    "response.mcp_call_arguments": ("", "arguments"),
    "response.code_interpreter_call_code": ("", "code"),
}
_PARTS: Final = {"response.content_part": "content", "response.reasoning_summary_part": "summary"}
_INDEX_NAMES: Final = {"content": "content_index", "summary": "summary_index"}
_PART_OF_TEXT: Final = {
    "response.output_text": "output_text",
    "response.refusal": "refusal",
    "response.reasoning_text": "reasoning_text",
    "response.reasoning_summary_text": "summary_text",
}
_TEXT_OF_PART: Final = {part: text for text, part in _PART_OF_TEXT.items()}

Event = tuple[str, dict[str, Any]]  # type and fields


class _OpenItem:
    """An item that has begun and not ended."""

    __slots__ = ("ended_parts", "ended_texts", "is_heard", "parts", "texts", "value")

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.is_heard = False  # a piece of a text has come
        self.parts: dict[tuple[str, int], dict[str, Any]] = {}
        self.texts: dict[tuple[str, int], list[str]] = {}  # by event and index
        self.ended_texts: set[tuple[str, int]] = set()
        self.ended_parts: set[tuple[str, int]] = set()

    def whole(self) -> dict[str, Any]:
        value = dict(self.value)
        parts = {where: dict(part) for where, part in self.parts.items()}
        for (stem, index), pieces in self.texts.items():
            where, name = TEXTS[stem]
            holder = value
            if where:
                holder = parts.setdefault((where, index), {"type": _PART_OF_TEXT[stem]})
            before = holder.get(name)
            holder[name] = (before if type(before) is str else "") + "".join(pieces)
        for where in _INDEX_NAMES:
            if listed := [parts[key] for key in sorted(parts) if key[0] == where]:
                value[where] = listed
        return value


class OutputSoFar:
    __slots__ = ("_bytes", "_done", "_open")

    def __init__(self) -> None:
        self._open: dict[int, _OpenItem] = {}
        self._done: dict[int, dict[str, Any]] = {}
        self._bytes = 0

    def take_delta(self, stem: str, output_index: int, index: int, delta: str) -> None:
        """A piece of a text."""
        if (item := self._open.get(output_index)) is None:
            return
        item.is_heard = True
        if (text := TEXTS.get(stem)) is not None and self._has_room(len(delta) + _PIECE_BYTES):
            item.texts.setdefault((stem, index if text[0] else 0), []).append(delta)

    def is_heard(self, output_index: Any) -> bool:
        """Has a piece of a text of this open item come?"""
        item = self._open.get(output_index) if type(output_index) is int else None
        return item is not None and item.is_heard

    def take(self, kind: str, event: dict[str, Any], event_bytes: int) -> None:
        """Any other event."""
        output_index = event.get("output_index")
        if type(output_index) is not int or not self._has_room(event_bytes):
            return
        if kind in ("response.output_item.added", "response.output_item.done"):
            if type(item := event.get("item")) is dict:
                self._take_item(output_index, item, is_done=kind.endswith("done"))
        elif (open_item := self._open.get(output_index)) is not None:
            stem, _, what = kind.rpartition(".")
            if stem in _PARTS:
                _take_part(open_item, _PARTS[stem], event, is_done=what == "done")
            elif what == "done" and stem in TEXTS:
                _take_text(open_item, stem, event)
            elif kind == "response.output_text.annotation.added":
                _take_annotation(open_item, event)

    def output(self) -> list[dict[str, Any]]:
        """The items, those still open as far as they came."""
        items = {index: _ended(item.whole()) for index, item in self._open.items()} | self._done
        return [items[index] for index in sorted(items)]

    def closing_events(self) -> list[Event]:
        """What says that the open items are over."""
        return [event for index in sorted(self._open) for event in _closing(index, self._open[index])]

    def _take_item(self, output_index: int, item: dict[str, Any], *, is_done: bool) -> None:
        self._open.pop(output_index, None)
        if is_done:
            self._done[output_index] = item
            return
        opened = self._open[output_index] = _OpenItem(item)
        for where in _INDEX_NAMES:
            parts = item.get(where)
            for index, part in enumerate(parts if type(parts) is list else []):
                if type(part) is dict:
                    opened.parts[where, index] = part

    def _has_room(self, count: int) -> bool:
        self._bytes += count
        return self._bytes <= KEPT_BYTES_MAX


def _take_part(item: _OpenItem, where: str, event: dict[str, Any], *, is_done: bool) -> None:
    index, part = event.get(_INDEX_NAMES[where]), event.get("part")
    if type(index) is not int or type(part) is not dict:
        return
    item.parts[where, index] = part
    if is_done:
        item.ended_parts.add((where, index))
        for stem in [stem for stem in TEXTS if TEXTS[stem][0] == where]:
            item.texts.pop((stem, index), None)


def _take_text(item: _OpenItem, stem: str, event: dict[str, Any]) -> None:
    where, name = TEXTS[stem]
    index = event.get(_INDEX_NAMES[where]) if where else 0
    text = event.get(name)
    if type(index) is not int or type(text) is not str:
        return
    holder = item.parts.get((where, index)) if where else item.value
    if holder is not None:
        holder[name] = ""
    item.texts[stem, index] = [text]
    item.ended_texts.add((where, index))


def _take_annotation(item: _OpenItem, event: dict[str, Any]) -> None:
    index = event.get("content_index")
    if type(index) is int and (part := item.parts.get(("content", index))) is not None:
        known = part.get("annotations")
        if type(known) is not list:
            known = part["annotations"] = []
        known.append(event.get("annotation"))


def _ended(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"status": "incomplete"} if "status" in item else item


def _closing(output_index: int, item: _OpenItem) -> list[Event]:
    """A text that is over, its part, and the item. Arguments that were cut are not said to be ready."""
    whole = item.whole()
    at = {"item_id": whole.get("id"), "output_index": output_index}
    events: list[Event] = []
    for where, index_name in _INDEX_NAMES.items():
        told = {key for key in item.parts if key[0] == where}
        told |= {(where, index) for stem, index in item.texts if TEXTS[stem][0] == where}
        parts = whole.get(where)
        for key, part in zip(sorted(told), parts if type(parts) is list else [], strict=False):
            if key not in item.ended_parts:
                events += _closing_part(where, {**at, index_name: key[1]}, part, key not in item.ended_texts)
    events.append(("response.output_item.done", {"output_index": output_index, "item": _ended(whole)}))
    return events


def _closing_part(where: str, at: dict[str, Any], part: dict[str, Any], text_is_open: bool) -> list[Event]:
    events: list[Event] = []
    kind = part.get("type")
    stem = _TEXT_OF_PART.get(kind) if type(kind) is str else None
    if stem is not None and text_is_open:
        name = TEXTS[stem][1]
        fields = {**at, name: part.get(name, "")}
        if stem == "response.output_text":
            fields["logprobs"] = []
        events.append((f"{stem}.done", fields))
    name = "content_part" if where == "content" else "reasoning_summary_part"
    events.append((f"response.{name}.done", {**at, "part": part}))
    return events
