"""Chunks of a chat completion <-> Delta by Delta. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson

from metering.usage import Usage
from providers.dialect import Refusal
from providers.facts import RequestFacts
from providers.openai.errors import error_frame
from providers.openai.stream import DONE_FRAME
from providers.openai.usage import usage_to_openai
from providers.sse import comment_frame, event_object, frame
from providers.translation.neutral import (
    CallDelta,
    ChoiceEnd,
    Delta,
    ImageDelta,
    TextDelta,
    ThinkingDelta,
    ending_by,
    part_delta,
)
from providers.translation.openai.reply import ENDINGS, FINISH_REASONS, own_id, said_parts, shown_parts
from providers.translation.turns import image_url


class Listener:
    """One per stream."""

    def __init__(self) -> None:
        # Which of a choice's calls an index means: some vendors count from one, or leave numbers out.
        self._calls: defaultdict[int, dict[int, int]] = defaultdict(dict)

    def feed(self, event: bytes) -> list[Delta]:
        chunk = event_object(event)
        choices = None if chunk is None else chunk.get("choices")
        deltas: list[Delta] = []
        for position, choice in enumerate(choices if type(choices) is list else []):
            if type(choice) is dict:
                index = choice.get("index")
                self._hear(index if type(index) is int else position, choice, deltas)
        return deltas

    def _hear(self, index: int, choice: dict[str, Any], deltas: list[Delta]) -> None:
        delta = choice.get("delta")
        delta = delta if type(delta) is dict else {}
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if type(thought) is str and thought:
            deltas.append(ThinkingDelta(index, thought))
        said = (*said_parts(delta.get("content")), *said_parts(delta.get("refusal")))
        deltas += [part_delta(index, part) for part in (*said, *shown_parts(delta))]
        calls = delta.get("tool_calls")
        for position, call in enumerate(calls if type(calls) is list else []):
            if type(call) is dict:
                deltas.append(self._call(index, position, call))
        ending = choice.get("finish_reason")
        if type(ending) is str and ending:
            deltas.append(ChoiceEnd(index, ending_by(ENDINGS, ending)))

    def _call(self, choice: int, position: int, call: dict[str, Any]) -> CallDelta:
        named = call.get("index")
        named = named if type(named) is int else position
        known = self._calls[choice]
        number = known.setdefault(named, len(known))
        function = call.get("function")
        function = function if type(function) is dict else {}
        call_id, name, arguments = call.get("id"), function.get("name"), function.get("arguments")
        return CallDelta(
            choice,
            number,
            call_id if type(call_id) is str and call_id else None,
            name if type(name) is str and name else None,
            arguments if type(arguments) is str else "",
        )


class Speaker:
    """One per stream."""

    def __init__(self, product_id: str, facts: RequestFacts) -> None:
        self.reply_id: str | None = None
        self._id = ""
        self._facts = facts
        self._product_id = product_id
        self._include_usage = facts.include_usage
        self._begun: set[int] = set()
        self._ended: set[int] = set()

    def feed(self, deltas: list[Delta]) -> bytes:
        return b"".join([self._say(delta) for delta in deltas])

    def finish(self, usage: Usage | None) -> bytes:
        return self._end("stop") + self._usage(usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._end("length") + self._usage(usage)

    def terminal(self) -> bytes:
        return DONE_FRAME

    def comment(self, text: bytes) -> bytes:
        return comment_frame(text)

    def failure(self, refusal: Refusal) -> bytes:
        return error_frame(refusal)

    def _say(self, delta: Delta) -> bytes:
        if isinstance(delta, ChoiceEnd):
            self._ended.add(delta.choice)
            return self._choice(delta.choice, {}, FINISH_REASONS[delta.ending])
        if isinstance(delta, TextDelta):
            return self._choice(delta.choice, {"content": delta.text})
        if isinstance(delta, ImageDelta):
            return self._choice(delta.choice, {"images": [image_url(delta.image)]})
        if isinstance(delta, ThinkingDelta):
            return self._choice(delta.choice, {"reasoning_content": delta.text}) if delta.text else b""
        call: dict[str, Any] = {"index": delta.call, "function": {"arguments": delta.arguments}}
        if delta.call_id is not None or delta.name is not None:
            call |= {"id": delta.call_id, "type": "function"}
            call["function"]["name"] = delta.name
        return self._choice(delta.choice, {"tool_calls": [call]})

    def _choice(self, index: int, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        if index not in self._begun:
            self._begun.add(index)
            delta = {"role": "assistant", **delta}
        said = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._frame([said])

    def _end(self, finish_reason: str) -> bytes:
        open_choices = sorted((self._begun or {0}) - self._ended)
        self._ended.update(open_choices)
        return b"".join([self._choice(index, {}, finish_reason) for index in open_choices])

    def _usage(self, usage: Usage | None) -> bytes:
        if not self._include_usage or usage is None:
            return b""
        return self._frame([], usage_to_openai(usage))

    def _frame(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        self._id = self._id or self.reply_id or own_id(self._facts)  # one for all chunks
        chunk: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._facts.began_s,
            "model": self._product_id,
            "choices": choices,
        }
        if self._include_usage:
            chunk["usage"] = usage
        return frame(orjson.dumps(chunk))
