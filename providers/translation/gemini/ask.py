"""Conversation -> a generateContent request. Pure.

Schemas go where the dialect takes plain JSON Schema (`parametersJsonSchema`, `responseJsonSchema`): its own
kind of schema has not all the keywords. What a vendor's model refuses is the vendor's to refuse; here only
what its dialect has no words for.
"""

from __future__ import annotations

import re
from typing import Any, Final

from providers.gemini.kept import is_elsewhere
from providers.kept import FILE, not_offered
from providers.translation.neutral import (
    EFFORT_TOKENS,
    Conversation,
    Effort,
    Image,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    inexpressible,
    only_said,
)
from providers.translation.turns import Blocks, alternating, arguments_object

_DIALECT: Final = "gemini"
# Of a conversation, and not said: the answer is the same without them. A schema has no name there and always
# binds; that a tool need not keep to its schema is nothing to ask for.
HINTS: Final = frozenset({"user", "shape.name", "shape.strict"})
# Its models since the third generation refuse a call without a seal. This one is documented for calls that
# another model made: "skip_thought_signature_validator" in base64.
UNSEALED: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
LEVELS: Final[dict[Effort, str]] = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_BUDGETS: Final = {level: EFFORT_TOKENS[effort] for effort, level in LEVELS.items()}
# Older ones know no levels. Newer ones take a budget too, so that a name that says nothing gets one.
_KNOWS_LEVELS: Final = re.compile(r"gemini-(?:[3-9]|[1-9]\d)(?!\d)")
# Some answer with pictures unless they are asked for text.
_DRAWS: Final = "-image"
_MODES: Final = {"auto": "AUTO", "none": "NONE", "any": "ANY", "tool": "ANY"}
_PICTURES: Final = {
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}


def ask(said: Conversation) -> dict[str, Any]:
    """Raises BadRequest."""
    body: dict[str, Any] = {"contents": _contents(said)}
    if system := [_text(text) for text in said.system if text.text]:
        body["systemInstruction"] = {"parts": system}
    if said.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in said.tools]}]
    if (calling := _calling(said)) is not None:
        body["toolConfig"] = {"functionCallingConfig": calling}
    if config := _config(said):
        body["generationConfig"] = config
    return body


def fit(body: dict[str, Any], model: str) -> dict[str, Any]:
    """How much to think is a word to some models, tokens to the others, and never both."""
    config = body.get("generationConfig", {})
    if _DRAWS in model:
        config = {
            **config,
            "responseModalities": ["TEXT"],
        }  # callers of other dialects have no place for more
        body = {**body, "generationConfig": config}
    thinking = config.get("thinkingConfig", {})
    if "thinkingLevel" not in thinking or _KNOWS_LEVELS.search(model) is not None:
        return body
    budget = {"includeThoughts": True, "thinkingBudget": _BUDGETS[thinking["thinkingLevel"]]}
    return {**body, "generationConfig": {**config, "thinkingConfig": budget}}


def _config(said: Conversation) -> dict[str, Any]:
    given = {
        "maxOutputTokens": said.output_limit,
        "candidateCount": said.n if said.n > 1 else None,
        "stopSequences": list(said.stop) or None,
        "temperature": said.temperature,
        "topP": said.top_p,
        "topK": said.top_k,
        "seed": said.seed,
        "presencePenalty": said.presence_penalty,
        "frequencyPenalty": said.frequency_penalty,
        "thinkingConfig": _thinking(said.effort),
        "responseMimeType": None if said.shape is None else "application/json",
        "responseJsonSchema": None if said.shape is None else said.shape.schema or None,
    }
    return only_said(given)


def _thinking(effort: Effort | None) -> dict[str, Any] | None:
    """Thoughts are told where they are asked for, and whoever says how much to think may want to see them."""
    if effort is None:
        return None
    if effort == "none":
        return {"thinkingBudget": 0}
    return {"includeThoughts": True, "thinkingLevel": LEVELS[effort]}


def _contents(said: Conversation) -> list[dict[str, Any]]:
    """What neighbouring turns of one role say is one content: calls and their results must be neighbours."""
    names: dict[str, str] = {}  # of the tools that were called, by the call's id
    blocks = Blocks(
        _DIALECT, text=_text, image=_picture, call=_call, result=lambda result: _result(result, names)
    )
    contents = []
    for role, parts in alternating(said.turns, _DIALECT):
        if role == "user":
            contents.append({"role": "user", "parts": blocks.user(parts)})
        else:
            names |= {part.call_id: part.name for part in parts if isinstance(part, ToolCall)}
            contents.append({"role": "model", "parts": _sealed(blocks.assistant(parts))})
    return contents


def _sealed(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of calls made together the first bears the seal."""
    for part in parts:
        if "functionCall" in part:
            part["thoughtSignature"] = UNSEALED
            break
    return parts


def _text(text: Text) -> dict[str, Any]:
    return {"text": text.text}


def _picture(image: Image) -> dict[str, Any]:
    if image.data is not None:
        return {"inlineData": {"mimeType": image.media_type, "data": image.data}}
    if not is_elsewhere(image.url):
        raise not_offered("messages", FILE)
    path = (image.url or "").partition("?")[0]
    media_type = _PICTURES.get(path.rpartition(".")[2].lower())
    named = {} if media_type is None else {"mimeType": media_type}
    return {"fileData": {**named, "fileUri": image.url}}


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = arguments_object(call, _DIALECT)
    return {"functionCall": {**_id(call.call_id), "name": call.name, "args": arguments}}


def _result(result: ToolResult, names: dict[str, str]) -> dict[str, Any]:
    """What is said in it stands under a word for whether the tool failed; pictures stand beside it."""
    name = result.name or names.get(result.call_id)
    if name is None:
        raise inexpressible("messages (a tool result without its call)", _DIALECT)
    text = "\n".join(part.text for part in result.content if isinstance(part, Text))
    pictures = [_picture(part) for part in result.content if isinstance(part, Image)]
    said: dict[str, Any] = {
        **_id(result.call_id),
        "name": name,
        "response": {"error": text or "error"} if result.is_error else {"output": text},
    }
    if pictures:
        said["parts"] = pictures
    return {"functionResponse": said}


def _id(call_id: str) -> dict[str, Any]:
    return {"id": call_id} if call_id else {}


def _tool(tool: Tool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.parameters:
        said["parametersJsonSchema"] = {"type": "object", **tool.parameters}
    return said


def _calling(said: Conversation) -> dict[str, Any] | None:
    """VALIDATED is AUTO that keeps to the tools' schemas: all of them, where one was to be strict."""
    choice = said.tool_choice
    if choice is None or (not said.tools and choice.mode in ("auto", "none")):
        return {"mode": "VALIDATED"} if any(tool.strict for tool in said.tools) else None
    if choice.at_most_one and choice.mode != "none":
        raise inexpressible("parallel_tool_calls", _DIALECT)
    if choice.mode == "auto" and any(tool.strict for tool in said.tools):
        return {"mode": "VALIDATED"}
    calling: dict[str, Any] = {"mode": _MODES[choice.mode]}
    if choice.mode == "tool":
        calling["allowedFunctionNames"] = [choice.name]
    return calling
