"""A whole Gemini answer <-> Reply. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from providers.gemini.progress import candidates_of, is_finish, parts_of
from providers.gemini.usage import usage_to_gemini
from providers.json_depth import written_if_shallow
from providers.translation.calls import CallIds
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
    left_out,
)

# Names, and the first of the enum's numbers where a vendor writes numbers. Any other word is an end as well:
# calls that went wrong, and what Google will think of next.
ENDINGS: Final[dict[str | int, Ending]] = {
    "STOP": "stop",
    1: "stop",
    "MAX_TOKENS": "length",
    2: "length",
    3: "filtered",
    4: "filtered",
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
            "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
        ),
        "filtered",
    ),
}  # fmt: skip
FINISH_REASONS: Final[dict[Ending, str]] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "filtered": "SAFETY",
}
TO_STANDARD_BASE64: Final = str.maketrans("-_", "+/")  # some of its libraries write the other kind
_LEVELS_ABOVE: Final = 8  # what stands around the arguments of a call


def understand(body: dict[str, Any]) -> Reply:
    """What the vendor's own tools did stays untold: their parts are of this dialect alone."""
    reply_id = body.get("responseId")
    reply_id = reply_id if type(reply_id) is str else None
    ids = CallIds()
    found = sorted(candidates_of(body), key=lambda indexed: indexed[0])
    choices = [_choice(candidate, ids, reply_id) for _, candidate in found]
    if not choices and is_blocked(body):
        choices = [Choice((), "filtered")]
    return Reply(reply_id=reply_id, choices=tuple(choices))


def is_blocked(said: dict[str, Any]) -> bool:
    """The question was refused, so that there is no answer."""
    feedback = said.get("promptFeedback")
    return type(feedback) is dict and bool(feedback.get("blockReason"))


def _choice(candidate: dict[str, Any], ids: CallIds, reply_id: str | None) -> Choice:
    parts = said_parts(candidate, ids, reply_id)
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Choice(tuple(parts), ending_of(candidate.get("finishReason"), calls=calls) or "stop")


def ending_of(reason: Any, *, calls: bool) -> Ending | None:
    """None: not said, or not yet. An answer with calls simply stops there; elsewhere it has its own word."""
    if not is_finish(reason):
        return None
    ending = ENDINGS.get(reason, "stop")
    return "tool_calls" if calls and ending == "stop" else ending


def said_parts(candidate: dict[str, Any], ids: CallIds, reply_id: str | None) -> list[Said]:
    parts: list[Said] = []
    for part in parts_of(candidate):
        text, call = part.get("text"), part.get("functionCall")
        if part.get("inlineData") is not None or part.get("fileData") is not None:
            parts.append(_shown(part.get("inlineData")))
        if type(text) is str and text:
            parts.append(Thinking(text) if part.get("thought") is True else Text(text))
        # Its seal is worth nothing to anybody else, and callers of other dialects have no place to keep it.
        if type(call) is dict and type(call.get("name")) is str:
            arguments = written_if_shallow({} if call.get("args") is None else call["args"])
            if arguments is not None:  # to call it without them would be to call another thing
                parts.append(ToolCall(ids.of(call.get("id"), reply_id), call["name"], arguments.decode()))
    return parts


def _shown(blob: Any) -> Image | Text:
    """What lies in Google's store nobody else may read, and other dialects' answers have pictures at most."""
    kind, data = (blob.get("mimeType"), blob.get("data")) if type(blob) is dict else (None, None)
    is_picture = type(kind) is str and kind.startswith("image/")
    if is_picture and type(data) is str and data:
        return Image(kind, data.translate(TO_STANDARD_BASE64))
    return left_out(A_PICTURE if is_picture else A_SOUND)


def say(reply: Reply, product_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "candidates": [_said(index, choice) for index, choice in enumerate(reply.choices)],
        "modelVersion": product_id,
    }
    if reply.usage is not None:
        body["usageMetadata"] = usage_to_gemini(reply.usage)
    if reply.reply_id is not None:
        body["responseId"] = reply.reply_id
    return body


def _said(index: int, choice: Choice) -> dict[str, Any]:
    parts = []
    is_malformed = False
    for part in choice.parts:
        if isinstance(part, ToolCall):
            said = call_part(part.call_id, part.name, part.arguments)
        elif isinstance(part, Image):
            said = image_part(part)
        else:
            said = text_part(part.text, is_thought=isinstance(part, Thinking))
        if said is not None:
            parts.append(said)
        is_malformed = is_malformed or (said is None and isinstance(part, ToolCall))
    reason = finish_reason(choice.ending, is_malformed=is_malformed)
    return {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": index}


def finish_reason(ending: Ending, *, is_malformed: bool) -> str:
    """The dialect has a word for a call that cannot be made."""
    if is_malformed and ending in ("stop", "tool_calls"):
        return "MALFORMED_FUNCTION_CALL"
    return FINISH_REASONS[ending]


def text_part(text: str, *, is_thought: bool) -> dict[str, Any] | None:
    if not text:
        return None  # nothing but a seal
    return {"text": text, "thought": True} if is_thought else {"text": text}


def image_part(image: Image) -> dict[str, Any]:
    if image.data is None:
        return {"fileData": {"fileUri": image.url}}
    return {"inlineData": {"mimeType": image.media_type, "data": image.data}}


def call_part(call_id: str | None, name: str | None, arguments: str) -> dict[str, Any] | None:
    """Arguments are an object here. None: they are none (cut in the middle), and so there is no call."""
    try:
        said = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return None
    if type(said) is not dict or not _fits(said):
        return None
    call = {"name": name or "", "args": said}
    return {"functionCall": {"id": call_id, **call} if call_id else call}


def _fits(arguments: Any) -> bool:
    """Not nested too deeply to be written where they stand."""
    for _ in range(_LEVELS_ABOVE):
        arguments = [arguments]
    return written_if_shallow(arguments) is not None
