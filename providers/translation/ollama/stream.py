"""Lines of an Ollama stream -> Delta by Delta. Pure."""

from __future__ import annotations

from providers.ollama.stream import read_line
from providers.translation.calls import CallIds
from providers.translation.neutral import CallDelta, ChoiceEnd, Delta, part_delta
from providers.translation.ollama.reply import ending_of, said_calls, said_texts


class Listener:
    """One per stream."""

    def __init__(self) -> None:
        self._ids = CallIds()
        self._calls = 0

    def feed(self, event: bytes) -> list[Delta]:
        said = read_line(event)
        if said is None:
            return []
        deltas: list[Delta] = []
        if type(message := said.get("message")) is dict:
            deltas += [part_delta(0, part) for part in said_texts(message)]
            for call in said_calls(message, self._ids, said.get("created_at")):
                deltas.append(CallDelta(0, self._calls, call.call_id, call.name, call.arguments))
                self._calls += 1
        if said.get("done") is True:
            deltas.append(ChoiceEnd(0, ending_of(said, has_called=self._calls > 0)))
        return deltas
