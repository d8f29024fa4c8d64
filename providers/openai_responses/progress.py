"""What has been seen of one streamed response so far. Pure.

Events are named: `response.created` and its like carry the response itself, `response.completed`,
`response.incomplete` and `response.failed` end the stream and carry it with its usage, what ends in `.delta`
carries a piece of a text, and others tell of items and their parts. An event we do not know passes.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
import orjson

from metering.usage import Usage
from providers.openai_responses.answer import item_text_bytes
from providers.openai_responses.errors import UNREADABLE, error_of_event, failed
from providers.openai_responses.snapshot import OutputSoFar
from providers.openai_responses.usage import usage_of_response, usage_to_responses
from providers.progress import StreamProgress

TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
# A response repeats what was asked; of a long one only short fields are kept while the stream is open.
_RESPONSE_BYTES_MAX: Final = 1 << 15
# JSON is read to a depth of 1,024 and written to 254, and what we write is a little deeper than what we read.
_DEPTH_FREE: Final = 240
_NUMBER_MAX: Final = 1 << 53  # of events; JSON of ours has larger ones no more than anybody's
_RAW: Final = msgspec.Raw()
# A larger one is read here and could not be written; `orjson` reads it as a float, which is no index.
_Index = Annotated[int, msgspec.Meta(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]


class Delta(msgspec.Struct, gc=False):
    """A piece of a text, and what would make it more than that. Only these fields of an event are read."""

    type: str
    delta: str
    output_index: _Index = -1
    content_index: _Index = 0
    summary_index: _Index = 0
    sequence_number: _Index = -1
    response: msgspec.Raw = _RAW
    error: msgspec.Raw = _RAW
    model: msgspec.Raw = _RAW

    @property
    def is_only_text(self) -> bool:
        return self.type.endswith(".delta") and not (self.response or self.error or self.model)


_DECODER: Final = msgspec.json.Decoder(Delta)


def delta_of(data: bytes) -> Delta | None:
    """A piece of a text, if the event is that and nothing else."""
    try:
        delta = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return delta if delta.is_only_text else None


class StreamState(StreamProgress):
    """One per stream."""

    __slots__ = (
        "_response",
        "ended",
        "output",
        "product_id",
        "sequence_number",
    )

    def __init__(self, product_id: str) -> None:
        super().__init__()
        self.product_id = product_id
        self.sequence_number = -1  # the last the client has got
        self.output = OutputSoFar()
        self.ended: dict[str, Any] | None = None  # the response of the terminal event
        self._response: bytes | None = None  # the last one before it

    def take_delta(self, delta: Delta) -> None:
        text = delta.delta
        if text:
            self.deltas += 1
            self.text_bytes += len(text) if text.isascii() else len(text.encode(errors="replace"))
        stem = delta.type[: -len(".delta")]
        index = delta.summary_index if stem == "response.reasoning_summary_text" else delta.content_index
        self.output.take_delta(stem, delta.output_index, index, text)
        self._count(delta.sequence_number)

    def event_of(self, data: bytes) -> dict[str, Any] | None:
        """The event as an object; None where no SDK could read it either (`[DONE]`, or cut in the middle)."""
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return None
        if type(event) is not dict:
            return None
        if data.count(b"{") + data.count(b"[") > _DEPTH_FREE:
            try:
                orjson.dumps([[[[event]]]])
            except orjson.JSONEncodeError:
                self.error = UNREADABLE
                if type(response := event.get("response")) is dict:
                    self.usage = usage_of_response(response) or self.usage
                return None
        return event

    def observe(self, event: dict[str, Any], event_bytes: int) -> None:
        """Any other event. After one that ends the stream, `done` or `error` is set."""
        kind = event.get("type")
        kind = kind if type(kind) is str else ""
        response = event.get("response")
        if (error := error_of_event(event)) is not None:
            self.error = error
        elif kind in TERMINAL:
            self._end(kind, response)
        elif kind.endswith(".delta") and type(event.get("delta")) is str:
            self.take_delta(_delta(kind, event["delta"], event))
        else:
            self._count(_number(event, "sequence_number", -1))
            if type(response) is dict:
                self._take_response(response)
            if kind == "response.output_item.done":
                self._take_whole_item(event)
            self.output.take(kind, event, event_bytes)

    def begins_anew(self, data: bytes) -> bool:
        """After the end: whether another response follows in the same stream, as in a recording of an agent.

        Then its end is the end, and its usage the usage: what a vendor says last is what it bills.
        """
        event = self.event_of(data) if b'"response.created"' in data else None
        if event is None or event.get("type") != "response.created":
            return False
        self.done = self.finished = False
        self.ended = self.usage = self.upstream_id = None
        self.output = OutputSoFar()
        return True

    def own_response(self, usage: Usage | None, *, is_cut: bool) -> dict[str, Any]:
        """The response where the vendor did not say it whole: what came, and that there is no more."""
        begun = {} if self._response is None else orjson.loads(self._response)
        return {
            "id": "resp_ended",
            "object": "response",
            "created_at": 0,
            "error": None,
            "instructions": None,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            **begun,
            "model": self.product_id,
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "output": self.output.output(),
            "usage": None if usage is None else usage_to_responses(usage),
        }

    def _end(self, kind: str, response: Any) -> None:
        if type(response) is not dict:
            self.error = UNREADABLE
            return
        self.done = self.finished = True
        self.ended = response
        self._learn_id(response)
        self.usage = usage_of_response(response)
        if kind == "response.failed":
            self.error = failed(response)

    def _take_response(self, response: dict[str, Any]) -> None:
        self._learn_id(response)
        kept = orjson.dumps(response)
        if len(kept) > _RESPONSE_BYTES_MAX:
            kept = orjson.dumps({name: value for name, value in response.items() if _is_short(value)})
        self._response = kept

    def _take_whole_item(self, event: dict[str, Any]) -> None:
        """Where an item came without pieces of its texts, they are counted now."""
        if self.output.is_heard(event.get("output_index")):
            return
        self.add_text(item_text_bytes(event.get("item")))

    def _learn_id(self, response: dict[str, Any]) -> None:
        if self.upstream_id is None and type(response.get("id")) is str and response["id"]:
            self.upstream_id = response["id"]

    def _count(self, sequence_number: int) -> None:
        is_one = 0 <= sequence_number <= _NUMBER_MAX
        self.sequence_number = sequence_number if is_one else self.sequence_number + 1


def _delta(kind: str, text: str, event: dict[str, Any]) -> Delta:
    """One with fields that are not as they should be."""
    return Delta(
        type=kind,
        delta=text,
        output_index=_number(event, "output_index", -1),
        content_index=_number(event, "content_index", 0),
        summary_index=_number(event, "summary_index", 0),
        sequence_number=_number(event, "sequence_number", -1),
    )


def _number(event: dict[str, Any], name: str, otherwise: int) -> int:
    value = event.get(name)
    return value if type(value) is int else otherwise


def _is_short(value: Any) -> bool:
    return (
        type(value) is not dict and type(value) is not list and (type(value) is not str or len(value) < 500)
    )
