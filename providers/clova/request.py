"""A CLOVA Studio request as the meter and the router see it: facts, nothing of what it says. Pure.

The product stands in the path and the wish for a stream in `Accept`; some clients say `stream` in the body
besides. v1 and v3 are read alike: what only one of them knows does not occur in the other. What is thought
aloud has a field of its own in answers of v3, and is told unless the caller wants none of it.

Embeddings: `/v1/api-tools/embedding/{product}`. The vendor's second version has no model in its path but the
word `v2`, so a product named `v2` serves its clients unchanged; who can name another product does so as
`model` in the body, which is ours and does not go on to the vendor.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from providers.facts import (
    IMAGE_TOKENS_MIN,
    RequestFacts,
    Spoken,
    bad,
    flag,
    model_of,
    read_messages,
    tokens_limit,
)

# Answers end at the smaller one; which of them a model takes differs (encode.py).
LIMIT_FIELDS: Final = ("maxTokens", "maxCompletionTokens")
EMBEDDING_V2: Final = "v2"


def read_chat_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    messages = body.get("messages")
    if type(messages) is not list or not messages:
        raise bad(
            "messages",
            "must be a list with at least one message",
            "메시지가 하나 이상이어야 합니다",
        )
    limits = [limit for name in LIMIT_FIELDS if (limit := tokens_limit(body, name)) is not None]
    stream = flag(body, "stream")
    parts, allowance, whole = read_messages(messages, _read_part)
    tools = body.get("tools")
    if tools is not None:
        if type(tools) is not list:
            raise bad("tools", "must be a list", "목록이어야 합니다")
        parts += len(tools)
        whole = whole or not all(_is_local(tool) for tool in tools)
    return RequestFacts(
        purpose="chat",
        model=model_of(body) if spoken.model is None else spoken.model,
        body_bytes=body_bytes,
        stream=stream or spoken.stream is True,
        output_limit=min(limits, default=None),
        takes_whole_context=whole,
        parts=parts,
        image_allowance_tokens=allowance,
        include_thoughts=body.get("thinking") != {"effort": "none"},
    )


def read_chat_v1_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    """Its answers have no place for what is thought aloud."""
    return msgspec.structs.replace(read_chat_request(body, body_bytes, spoken), include_thoughts=False)


def read_embeddings_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    text = body.get("text")
    if type(text) is not str or not text:
        raise bad("text", "must be a text", "텍스트여야 합니다")
    in_path = spoken.model
    if in_path is None or (in_path == EMBEDDING_V2 and body.get("model") is not None):
        in_path = model_of(body)
    return RequestFacts(purpose="embedding", model=in_path, body_bytes=body_bytes)


def _read_part(part: Any) -> tuple[int, int, bool]:
    if type(part) is not dict:
        raise bad("messages", "must have objects as content parts", "content의 항목은 객체여야 합니다")
    kind = part.get("type")
    if kind == "text":
        return 0, 0, False
    data_bytes = _picture_bytes(part) if kind == "image_url" else None
    if data_bytes is None:
        return 1, 0, True
    return 1, max(0, IMAGE_TOKENS_MIN - data_bytes), False


def _picture_bytes(part: dict[str, Any]) -> int | None:
    """Of a picture that stands in the body; None where it is only named."""
    image, inside = part.get("imageUrl"), part.get("dataUri")
    if image is not None:
        url = image.get("url") if type(image) is dict else image
        return len(url) if type(url) is str and url[:5].lower() == "data:" else None
    data = inside.get("data") if type(inside) is dict else None
    return len(data) if type(data) is str and data[:4].lower() != "http" else None


def _is_local(tool: Any) -> bool:
    """A function of the caller's: its description is all there is to read. `type` may be left out."""
    return type(tool) is dict and tool.get("type") in (None, "function")
