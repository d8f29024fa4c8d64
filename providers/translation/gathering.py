"""A stream heard Delta by Delta -> one Reply, for vendors whose dialect has no assembler of its own. Pure."""

from __future__ import annotations

import msgspec

from providers.translation.neutral import (
    CallDelta,
    Choice,
    ChoiceEnd,
    Delta,
    Ending,
    Image,
    ImageDelta,
    Reply,
    Said,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
)


class _Call(msgspec.Struct):
    number: int
    call_id: str = ""
    name: str = ""
    pieces: list[str] = []


class _Said:
    """Of one choice. A text or a thought grows until another thing is said."""

    def __init__(self) -> None:
        self._parts: list[_Call | Image | tuple[type[Text | Thinking], list[str]]] = []
        self._calls: dict[int, _Call] = {}
        self.ending: Ending | None = None

    def add(self, kind: type[Text | Thinking], text: str) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, tuple) and last[0] is kind:
            last[1].append(text)
        else:
            self._parts.append((kind, [text]))

    def add_image(self, image: Image) -> None:
        self._parts.append(image)

    def add_call(self, delta: CallDelta) -> None:
        call = self._calls.get(delta.call)
        if call is None:
            call = self._calls[delta.call] = _Call(delta.call)
            self._parts.append(call)
        call.call_id = call.call_id or delta.call_id or ""
        call.name = call.name or delta.name or ""
        call.pieces.append(delta.arguments)

    def choice(self, ending: Ending) -> Choice:
        parts: list[Said] = []
        for part in self._parts:
            if isinstance(part, _Call):
                parts.append(ToolCall(part.call_id, part.name, "".join(part.pieces) or "{}"))
            elif isinstance(part, Image):
                parts.append(part)
            else:
                parts.append(part[0]("".join(part[1])))
        return Choice(tuple(parts), self.ending or ending)


class Gathering:
    """One per stream."""

    def __init__(self) -> None:
        self._choices: dict[int, _Said] = {}

    def feed(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            said = self._choices.setdefault(delta.choice, _Said())
            if isinstance(delta, TextDelta):
                said.add(Text, delta.text)
            elif isinstance(delta, ThinkingDelta):
                said.add(Thinking, delta.text)
            elif isinstance(delta, ImageDelta):
                said.add_image(delta.image)
            elif isinstance(delta, CallDelta):
                said.add_call(delta)
            elif isinstance(delta, ChoiceEnd):
                said.ending = delta.ending

    def reply(self, reply_id: str | None, ending: Ending) -> Reply:
        """`ending` is of choices that have none."""
        choices = [self._choices[index] for index in sorted(self._choices)] or [_Said()]
        return Reply(choices=tuple(said.choice(ending) for said in choices), reply_id=reply_id)
