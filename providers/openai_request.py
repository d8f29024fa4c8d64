"""An OpenAI request as the meter and the router see it: facts, nothing of what it says. Pure.

Only what metering needs is read and refused; every other field passes through untouched, so that a new
parameter of a vendor works on the day it appears. Three kinds of parts differ in what they can cost:
- what the body contains (text, tools): its bytes bound it;
- pictures in the body: vendors count tiles, not bytes, so a small picture can cost more than it weighs;
  IMAGE_TOKENS_MIN is the dearest small picture known (one tile of a small OpenAI model, 2,833 + 5,667);
- what the body names (remote pictures, file ids, server tools, stored conversations) or packs (documents,
  video): unbounded, the product's whole context.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

CHOICES_MAX: Final = 128
TOKENS_LIMIT_MAX: Final = 100_000_000
IMAGE_TOKENS_MIN: Final = 8_500
LIMIT_FIELDS: Final = ("max_completion_tokens", "max_tokens")
_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text", "refusal", "thinking", "reasoning"})
# Fields that make the vendor read what is not in the body.
_REACHING_OUT: Final = (
    "web_search_options",
    "plugins",
    "previous_response_id",
    "conversation",
    "search_parameters",
    "data_sources",
)


class BadRequest(Exception):
    """A request that cannot be metered as it stands. Both messages are one sentence that says what to do."""

    def __init__(self, message_en: str, message_ko: str, param: str | None = None) -> None:
        super().__init__(message_en)
        self.message_en = message_en
        self.message_ko = message_ko
        self.param = param


class RequestFacts(msgspec.Struct, frozen=True):
    """What metering and routing need to know of a request. Nothing of what it says."""

    purpose: str  # chat | embedding
    model: str
    body_bytes: int
    stream: bool = False
    include_usage: bool = False
    n: int = 1
    output_limit: int | None = None  # per choice
    output_limit_field: str | None = None
    takes_whole_context: bool = False
    parts: int = 0  # tools, pictures, sounds
    image_allowance_tokens: int = 0  # what small pictures may cost beyond their bytes
    inputs: int = 1  # texts of an embeddings call: each may fill the context


def read_chat_request(body: dict[str, Any], body_bytes: int) -> RequestFacts:
    model = _model(body)
    messages = body.get("messages")
    if type(messages) is not list or not messages:
        raise _bad(
            "messages",
            "must be a list with at least one message",
            "메시지가 하나 이상이어야 합니다",
        )
    stream = _flag(body, "stream")
    options = body.get("stream_options")
    if options is not None and type(options) is not dict:
        raise _bad("stream_options", "must be an object", "객체여야 합니다")
    n = body.get("n")
    if n is not None and (type(n) is not int or not 1 <= n <= CHOICES_MAX):
        raise _bad("n", f"must be an integer from 1 to {CHOICES_MAX}", f"1~{CHOICES_MAX}의 정수여야 합니다")
    limit, limit_field = _output_limit(body)
    parts, allowance, whole = _read_messages(messages)
    tools = body.get("tools")
    if tools is not None:
        if type(tools) is not list:
            raise _bad("tools", "must be a list", "목록이어야 합니다")
        parts += len(tools)
        whole = whole or any(type(tool) is not dict or tool.get("type") not in _LOCAL_TOOLS for tool in tools)
    return RequestFacts(
        purpose="chat",
        model=model,
        body_bytes=body_bytes,
        stream=stream,
        include_usage=options is not None and options.get("include_usage") is True,
        n=1 if n is None else n,
        output_limit=limit,
        output_limit_field=limit_field,
        takes_whole_context=whole or any(body.get(field) is not None for field in _REACHING_OUT),
        parts=parts,
        image_allowance_tokens=allowance,
    )


def read_embeddings_request(body: dict[str, Any], body_bytes: int) -> RequestFacts:
    model = _model(body)
    given = body.get("input")
    if not isinstance(given, (str, list)) or not given:
        raise _bad("input", "must be a text or a list of texts", "텍스트 또는 텍스트 목록이어야 합니다")
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
    )


def _read_messages(messages: list[Any]) -> tuple[int, int, bool]:
    """(parts, image allowance, takes the whole context)."""
    parts = allowance = 0
    whole = False
    for message in messages:
        if type(message) is not dict:
            raise _bad("messages", "must hold objects only", "객체만 담아야 합니다")
        content = message.get("content")
        if type(content) is list:
            for part in content:
                counted, allowed, unbounded = _read_part(part)
                parts += counted
                allowance += allowed
                whole = whole or unbounded
        elif content is not None and type(content) is not str:
            raise _bad(
                "messages",
                "must have text or parts as content",
                "content 형식이 다릅니다",
            )
        if message.get("audio") is not None:  # a former answer, by its id
            whole = True
    return parts, allowance, whole


def _read_part(part: Any) -> tuple[int, int, bool]:
    if type(part) is str:
        return 0, 0, False
    if type(part) is not dict:
        raise _bad("messages", "must have objects as content parts", "content의 항목은 객체여야 합니다")
    kind = part.get("type")
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


def _output_limit(body: dict[str, Any]) -> tuple[int | None, str | None]:
    limit: int | None = None
    field: str | None = None
    for name in LIMIT_FIELDS:
        value = body.get(name)
        if value is None:
            continue
        if type(value) is not int or not 1 <= value <= TOKENS_LIMIT_MAX:
            raise _bad(name, "must be a positive integer", "1 이상의 정수여야 합니다")
        if limit is None or value < limit:
            limit, field = value, name
    return limit, field


def _model(body: dict[str, Any]) -> str:
    model = body.get("model")
    if type(model) is not str or not model:
        raise _bad("model", "must name a product", "상품 이름이어야 합니다")
    return model


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and type(value) is not bool:
        raise _bad(name, "must be true or false", "true 또는 false여야 합니다")
    return value is True


def _bad(param: str, en: str, ko: str) -> BadRequest:
    return BadRequest(f"`{param}` {en}.", f"`{param}` 값: {ko}.", param)
