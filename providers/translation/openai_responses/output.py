"""The items of one response while they are said: Delta by Delta in, events out. Pure.

A text and a thought are over when another thing is said; calls are over with the answer, since their pieces
may come in turns.
"""

from __future__ import annotations

import math
from typing import Any, Final

from providers.openai_responses.snapshot import KEPT_BYTES_MAX, Event
from providers.translation.neutral import (
    A_PICTURE,
    CallDelta,
    ChoiceEnd,
    Delta,
    Ending,
    ImageDelta,
    TextDelta,
    left_out,
)
from providers.translation.openai_responses.output_items import (
    CallItem,
    Item,
    MessageItem,
    PictureItem,
    SummaryItem,
    ThoughtItem,
    Worded,
)

_PIECE_BYTES: Final = 32  # what a piece takes beside its text, roughly
WHOLE: Final = ("stop", "tool_calls")


class Output:
    """One per response. There is one choice, as its callers ask for no more.

    Of a stream so much is kept as of a vendor's own response; of an answer that is whole already, all.
    """

    def __init__(self, stem: str, *, as_summary: bool, is_stream: bool = True) -> None:
        self.ending: Ending | None = None
        self._stem = stem
        self._thought: type[ThoughtItem] = SummaryItem if as_summary else ThoughtItem
        self._items: list[Item] = []
        self._calls: dict[int, CallItem] = {}
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
        if isinstance(delta, ImageDelta):
            if delta.image.data is not None:
                return self._take_picture(delta.image.data)
            delta = TextDelta(delta.choice, left_out(A_PICTURE).text)
        if not delta.text:
            return []  # nothing but a seal
        kind = MessageItem if isinstance(delta, TextDelta) else self._thought
        last = self._items[-1] if self._items else None
        events: list[Event] = []
        if type(last) is not kind or not last.is_open:
            events = self._end_words()
            last = kind(self._stem, len(self._items))
            self._items.append(last)
            events += last.begin()
        assert isinstance(last, Worded), "a text or a thought"
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
            call = self._calls[delta.call] = CallItem(self._stem, len(self._items))
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

    def _take_picture(self, data: str) -> list[Event]:
        events = self._end_words()
        shown = PictureItem(self._stem, len(self._items))
        self._items.append(shown)
        events += shown.begin()
        self._keep(shown, data)
        return events + shown.end(is_cut=shown.lacks_some)

    def _end_words(self) -> list[Event]:
        last = self._items[-1] if self._items else None
        if not isinstance(last, Worded) or not last.is_open:
            return []
        return last.end(is_cut=last.lacks_some)

    def _keep(self, item: Item, text: str) -> None:
        """What is beyond is missing at the end, and the item says that it is not whole."""
        self._left_bytes -= len(text) + _PIECE_BYTES
        if self._left_bytes >= 0:
            item.pieces.append(text)
        else:
            item.lacks_some = True
