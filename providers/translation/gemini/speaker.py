"""Delta by Delta -> chunks of a Gemini stream. Pure.

A call is one part with all its arguments: it waits until its choice ends. What a client takes for the end is
the finish reason, so that the last chunk is the terminal one: it is said after the settlement.
"""

from __future__ import annotations

from typing import Any

import orjson

from metering.usage import Usage
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.gemini.errors import refusal_body
from providers.gemini.framing import Framing
from providers.gemini.usage import usage_to_gemini
from providers.translation.gemini.reply import call_part, finish_reason, image_part, text_part
from providers.translation.neutral import CallDelta, ChoiceEnd, Delta, Ending, ImageDelta, ThinkingDelta


class _Call:
    """While it is being said."""

    def __init__(self) -> None:
        self.call_id: str | None = None
        self.name: str | None = None
        self.arguments: list[str] = []


class _Choice:
    def __init__(self) -> None:
        self.calls: dict[int, _Call] = {}
        self.ending: Ending | None = None
        self.is_malformed = False

    def take(self, delta: CallDelta) -> None:
        call = self.calls.setdefault(delta.call, _Call())
        call.call_id = call.call_id or delta.call_id
        call.name = call.name or delta.name
        call.arguments.append(delta.arguments)

    def whole_calls(self) -> list[dict[str, Any]]:
        """Each once."""
        calls, self.calls = self.calls, {}
        parts = [call_part(call.call_id, call.name, "".join(call.arguments)) for call in calls.values()]
        self.is_malformed = self.is_malformed or None in parts
        return [part for part in parts if part is not None]


class Speaker:
    """One per stream."""

    def __init__(self, product_id: str, facts: RequestFacts) -> None:
        self.reply_id: str | None = None
        self._product_id = product_id
        self._framing = Framing(facts.as_array)
        self._choices: dict[int, _Choice] = {}
        self._last = b""

    def feed(self, deltas: list[Delta]) -> bytes:
        said: dict[int, list[dict[str, Any]]] = {}
        for delta in deltas:
            choice = self._choices.setdefault(delta.choice, _Choice())
            parts = said.setdefault(delta.choice, [])
            if isinstance(delta, CallDelta):
                choice.take(delta)
            elif isinstance(delta, ChoiceEnd):
                choice.ending = choice.ending or delta.ending
                parts += choice.whole_calls()
            elif isinstance(delta, ImageDelta):
                parts.append(image_part(delta.image))
            else:
                part = text_part(delta.text, is_thought=isinstance(delta, ThinkingDelta))
                parts += [] if part is None else [part]
        candidates = [_candidate(index, said[index]) for index in sorted(said) if said[index]]
        return self._framing.write(self._chunk(candidates)) if candidates else b""

    def finish(self, usage: Usage | None) -> bytes:
        return self._end("stop", usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._end("length", usage)

    def terminal(self) -> bytes:
        last, self._last = self._last, b""
        return (self._framing.write(last) if last else b"") + self._framing.close()

    def comment(self, text: bytes) -> bytes:
        """None can stand here: neither Google's SDK nor an array takes one."""
        return b""

    def failure(self, refusal: Refusal) -> bytes:
        return self._framing.write(refusal_body(refusal)) + self._framing.close()

    def _end(self, ending: Ending, usage: Usage | None) -> bytes:
        choices = self._choices or {0: _Choice()}
        candidates = []
        for index in sorted(choices):
            choice = choices[index]
            candidate = _candidate(index, choice.whole_calls() or [{"text": ""}])
            reason = finish_reason(choice.ending or ending, is_malformed=choice.is_malformed)
            candidates.append({**candidate, "finishReason": reason})
        self._last = self._chunk(candidates, usage)
        return b""

    def _chunk(self, candidates: list[dict[str, Any]], usage: Usage | None = None) -> bytes:
        chunk: dict[str, Any] = {"candidates": candidates}
        if usage is not None:
            chunk["usageMetadata"] = usage_to_gemini(usage)
        chunk["modelVersion"] = self._product_id
        if self.reply_id is not None:
            chunk["responseId"] = self.reply_id
        return orjson.dumps(chunk)


def _candidate(index: int, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": parts}, "index": index}
