"""A whole chat completion <-> Reply. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import BadRequest, RequestFacts
from providers.json_depth import written_if_shallow
from providers.openai.usage import usage_to_openai
from providers.translation.calls import calls_of
from providers.translation.neutral import (
    A_PICTURE,
    A_SOUND,
    Choice,
    Ending,
    Image,
    Reply,
    Said,
    Text,
    Thinking,
    ToolCall,
    ending_by,
    left_out,
)
from providers.translation.openai.messages import image_of
from providers.translation.turns import image_url

ENDINGS: Final[dict[str, Ending]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
}
FINISH_REASONS: Final[dict[Ending, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "filtered": "content_filter",
}


def understand(body: dict[str, Any]) -> Reply:
    choices = body.get("choices")
    created, reply_id = body.get("created"), body.get("id")
    return Reply(
        reply_id=reply_id if type(reply_id) is str else None,
        created_s=created if type(created) is int else None,
        choices=tuple(
            _choice(choice) for choice in (choices if type(choices) is list else []) if type(choice) is dict
        ),
    )


def said_parts(content: Any, *, is_thought: bool = False) -> list[Text | Thinking]:
    """Content is text; of some vendors a list of typed parts, or an object where JSON was asked for.

    What is nested too deeply to be written is left out: of a thought's parts none is a thought again.
    """
    if type(content) is str:
        return [Text(content)] if content else []
    if type(content) is dict:
        written = written_if_shallow(content)
        return [] if written is None else [Text(written.decode())]
    parts: list[Text | Thinking] = []
    for part in content if type(content) is list else []:
        if type(part) is not dict:
            parts += said_parts(part) if type(part) is str else []
        elif part.get("type") == "thinking" and not is_thought:
            inner = said_parts(part.get("thinking"), is_thought=True)
            parts += [Thinking(text.text) for text in inner if isinstance(text, Text)]
        elif type(part.get("text")) is str:
            parts += said_parts(part["text"])
    return parts


def shown_parts(message: dict[str, Any]) -> list[Image | Text]:
    """Of a message or of a delta. The API itself has no pictures in chats; who draws in them has `images`.

    A sound comes with what it says, in a stream in pieces.
    """
    images = message.get("images")
    shown = [_image(image) for image in images] if type(images) is list else []
    audio = message.get("audio")
    if type(audio) is not dict:
        return shown
    if type(said := audio.get("transcript")) is str:
        return [*shown, Text(said)] if said else shown
    is_whole = "id" in audio and "data" in audio
    return [*shown, left_out(A_SOUND)] if is_whole else shown


def _image(said: Any) -> Image | Text:
    url = said.get("image_url") if type(said) is dict else None
    url = url.get("url") if type(url) is dict else url
    if type(url) is not str:
        return left_out(A_PICTURE)
    try:
        return image_of(url, "images")
    except BadRequest:
        return left_out(A_PICTURE)


def _choice(choice: dict[str, Any]) -> Choice:
    message = choice.get("message")
    message = message if type(message) is dict else {}
    parts: list[Said] = []
    thought = message.get("reasoning_content") or message.get("reasoning")
    if type(thought) is str and thought:
        parts.append(Thinking(thought))
    parts += said_parts(message.get("content")) + said_parts(message.get("refusal"))
    parts += shown_parts(message)
    parts += calls_of(message.get("tool_calls"))
    return Choice(tuple(parts), ending_by(ENDINGS, choice.get("finish_reason")))


def own_id(facts: RequestFacts | None) -> str:
    """Of an answer whose vendor gives it none."""
    return f"chatcmpl-{(facts and facts.op) or 'translated'}"


def say(reply: Reply, product_id: str, facts: RequestFacts | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": reply.reply_id or own_id(facts),
        "object": "chat.completion",
        "created": reply.created_s or (0 if facts is None else facts.began_s),
        "model": product_id,
        "choices": [_said(index, choice) for index, choice in enumerate(reply.choices)],
    }
    if reply.usage is not None:
        body["usage"] = usage_to_openai(reply.usage)
    return body


def _said(index: int, choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(part.text for part in choice.parts if isinstance(part, Text)) or None,
        "refusal": None,
    }
    if thought := "".join(part.text for part in choice.parts if isinstance(part, Thinking)):
        message["reasoning_content"] = thought
    calls = [
        {"id": part.call_id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in choice.parts
        if isinstance(part, ToolCall)
    ]
    if images := [image_url(part) for part in choice.parts if isinstance(part, Image)]:
        message["images"] = images
    if calls:
        message["tool_calls"] = calls
    return {
        "index": index,
        "message": message,
        "logprobs": None,
        "finish_reason": FINISH_REASONS[choice.ending],
    }
