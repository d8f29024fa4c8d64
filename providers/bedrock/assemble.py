"""Events -> one answer, for a caller who asked for no stream where the gateway asked for one. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from metering.usage import Usage
from providers.bedrock.events import block_of
from providers.bedrock.progress import StreamState
from providers.bedrock.usage import usage_said
from providers.json_depth import written_if_shallow


class _Block:
    """The pieces of one content block, by what they are."""

    __slots__ = ("begun", "call", "signature", "text", "thought")

    def __init__(self) -> None:
        self.begun: dict[str, Any] | None = None  # a tool call
        self.text: list[str] = []
        self.thought: list[str] = []
        self.signature: list[str] = []
        self.call: list[str] = []


class Assembler(StreamState):
    """The same events as `StreamFold` reads; `answer()` at the end."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[int | None, _Block] = {}

    def feed(self, event: bytes) -> None:
        read = self.observe(event)
        if read is None:
            return
        if read.name == "contentBlockStart":
            start = read.said.get("start")
            call = start.get("toolUse") if type(start) is dict else None
            if type(call) is dict:
                self._block(read.said).begun = call
        elif read.name == "contentBlockDelta" and type(delta := read.said.get("delta")) is dict:
            self._take(self._block(read.said), delta)

    def answer(self, usage: Usage | None = None) -> bytes:
        return self._answer(self.reason or "end_turn", usage)

    def graceful_end(self, usage: Usage | None) -> bytes:
        return self._answer(self.reason or "max_tokens", usage)

    def _block(self, said: dict[str, Any]) -> _Block:
        return self._blocks.setdefault(block_of(said), _Block())

    def _take(self, block: _Block, delta: dict[str, Any]) -> None:
        if type(text := delta.get("text")) is str:
            block.text.append(text)
        if type(reasoning := delta.get("reasoningContent")) is dict:
            if type(thought := reasoning.get("text")) is str:
                block.thought.append(thought)
            if type(signature := reasoning.get("signature")) is str:
                block.signature.append(signature)
        if type(call := delta.get("toolUse")) is dict and type(piece := call.get("input")) is str:
            block.call.append(piece)

    def _answer(self, reason: str, usage: Usage | None) -> bytes:
        content = [said for block in self._blocks.values() for said in _said(block)]
        usage = usage if self.usage is None else self.usage
        answer: dict[str, Any] = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": reason,
        }
        if usage is not None:
            answer["usage"] = usage_said(usage)
        return written_if_shallow(answer) or b"{}"


def _said(block: _Block) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    if block.thought or block.signature:
        thought: dict[str, Any] = {"text": "".join(block.thought)}
        if block.signature:
            thought["signature"] = "".join(block.signature)
        said.append({"reasoningContent": {"reasoningText": thought}})
    if text := "".join(block.text):
        said.append({"text": text})
    if block.begun is not None and (call := _call(block.begun, block.call)) is not None:
        said.append({"toolUse": call})
    return said


def _call(begun: dict[str, Any], pieces: list[str]) -> dict[str, Any] | None:
    """None while its input is not whole, or where it lies too deep to be written."""
    try:
        call = {**begun, "input": orjson.loads("".join(pieces) or "{}")}
    except orjson.JSONDecodeError:
        return None
    return call if written_if_shallow([[[[[call]]]]]) else None  # as deep as it stands in an answer
