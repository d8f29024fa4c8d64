"""How the simulated vendor counts: the published tokenizer o200k_base, and a fixed rule around it.

    a message          4, its role's and name's tokens included, and the tokens of its text
    the answer's head  3
    a picture          85 with low detail, else 765, whatever its size
    a sound, a file    200
    a tool             8 and the tokens of its JSON
    tool calls said    the tokens of name and arguments
    an embeddings text its tokens

Another count is made of it by `--count-factor`: each sum is multiplied and rounded up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil
from typing import Any, Final, Protocol

MESSAGE_TOKENS: Final = 4
HEAD_TOKENS: Final = 3
PICTURE_TOKENS: Final = 765
PICTURE_LOW_TOKENS: Final = 85
OTHER_PART_TOKENS: Final = 200
TOOL_TOKENS: Final = 8


class Tokenizer(Protocol):
    def count(self, text: str) -> int: ...
    def encode(self, text: str) -> list[int]: ...
    def decode(self, tokens: list[int]) -> str | None: ...


@cache
def tokenizer() -> Tokenizer:
    """Loaded at the first call, not at import: it takes a moment and some memory."""
    from rs_bpe import openai

    loaded: Tokenizer = openai.o200k_base()
    return loaded


@dataclass(frozen=True, slots=True)
class Billed:
    """What one call costs by this vendor's count. The log keeps it, and answers report it."""

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def times(self, factor: Fraction) -> Billed:
        if factor == 1:
            return self
        return Billed(
            prompt_tokens=ceil(self.prompt_tokens * factor),
            completion_tokens=ceil(self.completion_tokens * factor),
            cached_tokens=int(self.cached_tokens * factor),
            reasoning_tokens=int(self.reasoning_tokens * factor),
        )

    def as_usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def count_text(text: str) -> int:
    return tokenizer().count(text) if text else 0


def count_prompt(body: dict[str, Any]) -> int:
    total = HEAD_TOKENS
    for message in body.get("messages") or []:
        if isinstance(message, dict):
            total += MESSAGE_TOKENS + _count_content(message.get("content"))
            for call in message.get("tool_calls") or []:
                function = call.get("function") or {}
                total += count_text(f"{function.get('name', '')} {function.get('arguments', '')}")
    for tool in body.get("tools") or []:
        total += TOOL_TOKENS + count_text(json.dumps(tool, ensure_ascii=False))
    return total


def _count_content(content: Any) -> int:
    if isinstance(content, str):
        return count_text(content)
    total = 0
    for part in content or []:
        if not isinstance(part, dict):
            continue
        if isinstance(part.get("text"), str):
            total += count_text(part["text"])
        elif part.get("type") == "image_url":
            image = part.get("image_url")
            low = isinstance(image, dict) and image.get("detail") == "low"
            total += PICTURE_LOW_TOKENS if low else PICTURE_TOKENS
        else:
            total += OTHER_PART_TOKENS
    return total


def embeddings_texts(given: Any) -> list[str | list[int]] | None:
    """The texts (or token lists) of an embeddings call; None for a shape that is none."""
    if isinstance(given, str):
        return [given] if given else None
    if not isinstance(given, list) or not given:
        return None
    if all(isinstance(item, int) for item in given):
        return [given]
    if all(isinstance(item, str) or (isinstance(item, list) and item) for item in given):
        return given
    return None


def count_embeddings(texts: list[str | list[int]]) -> int:
    return sum(count_text(text) if isinstance(text, str) else len(text) for text in texts)


def pieces_of(text: str) -> list[tuple[str, int]]:
    """A text as (piece, tokens): as many tokens together as it takes to make whole characters."""
    made: list[tuple[str, int]] = []
    group: list[int] = []
    for token in tokenizer().encode(text):
        group.append(token)
        if (piece := tokenizer().decode(group)) is not None:
            made.append((piece, len(group)))
            group = []
    return made
