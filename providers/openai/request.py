"""An OpenAI request as the meter and the router see it: facts, nothing of what it says. Pure.

Only what metering needs is read and refused; every other field passes through untouched, so that a new
parameter of a vendor works on the day it appears. Three kinds of parts differ in what they can cost:
- what the body contains (text, tools): its bytes bound it;
- pictures in the body: vendors count tiles, not bytes, so a small picture can cost more than it weighs
  (`IMAGE_TOKENS_MIN`);
- what the body names (remote pictures, file ids, server tools) or packs (documents,
  video): unbounded, the product's whole context.
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import (
    CHOICES_MAX,
    IMAGE_TOKENS_MIN,
    IN_BODY,
    RequestFacts,
    Spoken,
    bad,
    flag,
    model_of,
    read_messages,
    tokens_limit,
)
from providers.openai.kept import refuse_what_is_kept
from providers.openai_files.named import files_named
from providers.service_tiers import asked_tier

LIMIT_FIELDS: Final = ("max_completion_tokens", "max_tokens")
_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text", "refusal", "thinking", "reasoning"})
# Fields that make the vendor read what is not in the body.
REACHING_OUT: Final = (
    "web_search_options",
    "plugins",
    "search_parameters",
    "data_sources",
)


def read_chat_request(body: dict[str, Any], body_bytes: int, _: Spoken = IN_BODY) -> RequestFacts:
    model = model_of(body)
    messages = body.get("messages")
    if type(messages) is not list or not messages:
        raise bad(
            "messages",
            "must be a list with at least one message",
            "메시지가 하나 이상이어야 합니다",
        )
    refuse_what_is_kept(body)
    stream = flag(body, "stream")
    include_usage = wants_usage(body)
    n = choices(body, "n")
    parts, allowance, whole = read_messages(messages, _read_part)
    whole = whole or any(message.get("audio") is not None for message in messages)  # of a former answer
    has_parts = parts > 0
    tools = body.get("tools")
    if tools is not None:
        if type(tools) is not list:
            raise bad("tools", "must be a list", "목록이어야 합니다")
        parts += len(tools)
        whole = whole or not all([_is_local(tool) for tool in tools])
    return RequestFacts(
        purpose="chat",
        model=model,
        body_bytes=body_bytes,
        stream=stream,
        include_usage=include_usage,
        n=n,
        output_limit=_output_limit(body),
        takes_whole_context=whole or any(body.get(field) is not None for field in REACHING_OUT),
        parts=parts,
        image_allowance_tokens=allowance,
        files=files_named(body) if has_parts or whole else (),
        service_tier=asked_tier(body.get("service_tier")),
    )


def read_embeddings_request(body: dict[str, Any], body_bytes: int, _: Spoken = IN_BODY) -> RequestFacts:
    model = model_of(body)
    given = body.get("input")
    if not isinstance(given, (str, list)) or not given:
        raise bad("input", "must be a text or a list of texts", "텍스트 또는 텍스트 목록이어야 합니다")
    inputs = 1
    if isinstance(given, list) and type(given[0]) is not int:
        inputs = len(given)
    known = isinstance(given, str) or all(isinstance(item, (str, int, list)) for item in given)
    return RequestFacts(
        purpose="embedding",
        model=model,
        body_bytes=body_bytes,
        takes_whole_context=not known,
        inputs=inputs,
        packed=body.get("encoding_format") == "base64",
        service_tier=asked_tier(body.get("service_tier")),
    )


def wants_usage(body: dict[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is not None and type(options) is not dict:
        raise bad("stream_options", "must be an object", "객체여야 합니다")
    return options is not None and options.get("include_usage") is True


def choices(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if value is None:
        return 1
    if type(value) is not int or not 1 <= value <= CHOICES_MAX:
        raise bad(name, f"must be an integer from 1 to {CHOICES_MAX}", f"1~{CHOICES_MAX}의 정수여야 합니다")
    return value


def _read_part(part: Any) -> tuple[int, int, bool]:
    if type(part) is str:
        return 0, 0, False
    if type(part) is not dict:
        raise bad("messages", "must have objects as content parts", "content의 항목은 객체여야 합니다")
    kind = part.get("type")
    if kind is not None and type(kind) is not str:
        raise bad("messages", "must say the types of parts as texts", "항목의 type은 텍스트여야 합니다")
    if kind in _TEXT_PARTS:
        return 0, 0, False
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str) and url[:5].lower() == "data:":
            return 1, max(0, IMAGE_TOKENS_MIN - len(url)), False
        return 1, 0, True
    if kind == "input_audio":
        audio = part.get("input_audio")
        data = audio.get("data") if isinstance(audio, dict) else None
        return 1, 0, not isinstance(data, str) or data[:4].lower() == "http"
    return 1, 0, True


_LOCAL_TOOLS: Final = frozenset({"function", "custom"})


def _is_local(tool: Any) -> bool:
    """A tool of the caller's: its description is all there is to read."""
    kind = tool.get("type") if type(tool) is dict else None
    if kind is not None and type(kind) is not str:
        raise bad("tools", "must say their types as texts", "type은 텍스트여야 합니다")
    return kind in _LOCAL_TOOLS


def _output_limit(body: dict[str, Any]) -> int | None:
    limits = [limit for name in LIMIT_FIELDS if (limit := tokens_limit(body, name)) is not None]
    return min(limits, default=None)
