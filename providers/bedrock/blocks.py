"""What the content blocks of an answer hold that a model wrote: its bytes, for estimates. Pure."""

from __future__ import annotations

from typing import Any

from providers.json_depth import text_bytes


def content_bytes(content: Any) -> int:
    """Of the generated text in a whole message's content."""
    return sum(block_bytes(block) for block in content if type(block) is dict) if type(content) is list else 0


def block_bytes(block: dict[str, Any]) -> int:
    length = _of_text(block.get("text"))
    if type(reasoning := block.get("reasoningContent")) is dict:
        inner = reasoning.get("reasoningText")
        length += _of_text(reasoning.get("text"))  # in a stream
        length += _of_text(inner.get("text")) if type(inner) is dict else 0
    if type(call := block.get("toolUse")) is dict:
        length += _of_text(call.get("name")) + text_bytes(call.get("input"))
    if type(cited := block.get("citationsContent")) is dict:
        length += content_bytes(cited.get("content"))
    return length


def _of_text(value: Any) -> int:
    return text_bytes(value) if type(value) is str else 0
