"""What OpenAI's own SDK makes of responses that we say: replayed by its transport, without a socket."""

from __future__ import annotations

from typing import Any

from openai.types.responses import Response, ResponseFunctionToolCall, ResponseReasoningItem

from tests.providers.translation.sdk_openai import Said, openai

ENDS = ("response.completed", "response.incomplete")


def events_of(body: bytes) -> list[Any]:
    """Each typed; numbered from zero without a gap."""
    asked: Any = {"model": "p", "input": "hi", "stream": True}
    events: list[Any] = list(openai(body).responses.create(**asked))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert all(type(event).__name__ != "BaseModel" for event in events)
    return events


def whole_of_stream(body: bytes) -> Response:
    """The response of the last event: what the SDK put together of the others is the same."""
    events = events_of(body)
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ENDS
    assert not set(kinds[:-1]) & set(ENDS)
    response: Response = events[-1].response
    with openai(body).responses.stream(model="p", input="hi") as stream:
        accumulated = [event for event in stream if event.type in ENDS]
        if kinds[-1] == "response.completed":
            assert stream.get_final_response().output_text == response.output_text
    assert len(accumulated) == 1
    assert said_in_pieces(events).told() == said(response).told()
    return response


def whole_said(body: bytes) -> Response:
    response = openai(body).responses.create(model="p", input="hi")
    assert type(response) is Response
    return response


def said(response: Response) -> Said:
    told = Said(ending=_ending(response))
    told.usage = None if response.usage is None else response.usage.to_dict()
    for item in response.output:
        if isinstance(item, ResponseFunctionToolCall):
            told.calls.append([item.call_id, item.name, item.arguments])
        elif isinstance(item, ResponseReasoningItem):
            told.thought += "".join(part.text for part in [*item.summary, *(item.content or ())])
        else:
            assert item.type == "message"
            told.text += "".join(part.text for part in item.content if part.type == "output_text")
    return told


def said_in_pieces(events: list[Any]) -> Said:
    told = Said(ending=_ending(events[-1].response))
    calls: dict[int, list[Any]] = {}
    for event in events:
        match event.type:
            case "response.output_text.delta":
                told.text += event.delta
            case "response.reasoning_text.delta" | "response.reasoning_summary_text.delta":
                told.thought += event.delta
            case "response.function_call_arguments.delta":
                calls[event.output_index][2] += event.delta
            case "response.output_item.added" if event.item.type == "function_call":
                calls[event.output_index] = [event.item.call_id, event.item.name, ""]
    told.calls = [calls[index] for index in sorted(calls)]
    return told


def _ending(response: Response) -> str:
    """In a chat's words."""
    if response.incomplete_details is not None:
        assert response.status == "incomplete"
        cut = response.incomplete_details.reason == "max_output_tokens"
        return "length" if cut else "content_filter"
    assert response.status == "completed"
    return "tool_calls" if any(item.type == "function_call" for item in response.output) else "stop"
